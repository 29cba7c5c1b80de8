"""Run by test_library_people_and_folders with the public library: people, teams and folders.

Prints JSON of what the library returned; makes and deletes what it needs. `API` in the environment
is the only version that the library is to know.
"""

import json
import os

from webknossos.administration import Team, User
from webknossos.client import context
from webknossos.client.api_client import ApiClientError
from webknossos.dataset.remote_folder import RemoteFolder

version = int(os.environ["API"])
# The library takes the newest version that both sides know: let it know only this one.
context.LIBRARY_SUPPORTED_API_VERSIONS = {version}
seen = {}


def refused(deed, *arguments):
    """The sentences with which the server refuses."""
    try:
        deed(*arguments)
    except ApiClientError as error:
        return str(error)
    return ""


# People and teams
me = User.get_current_user()
everybody = User.get_all_managed_users()
colleague = next(user for user in everybody if user.first_name == "Mia")
team = Team.add(f"team of v{version}")
team.add_user(colleague)
joined = User.get_by_id(colleague.user_id)
colleague.assign_team_roles(team.name, is_team_manager=True)
seen["people"] = {
    "me": me.email,
    "admin": me.is_admin,
    "organization": me.organization_id,
    "everybody": sorted(user.email for user in everybody),
    "logged times": me.get_logged_times(),
    "joined": team.name in [entry.name for entry in joined.teams],
    "by id": Team.get_by_id(team.id) == team,
    "listed": team in Team.get_list(),
    "again": refused(Team.add, team.name),
}

# Folders
root = RemoteFolder.get_root()
already = {folder.name for folder in root.get_subfolders()}
upper = root.add_subfolder(f"upper v{version}")
lower = root.add_subfolder("lower")
lower.move_to(upper)
inner = lower.add_subfolder("inner")
inner.parent = upper
upper.allowed_teams = [team]
upper.metadata = {"species": "mouse", "age": 3, "length": 25, "tags": ["a", "b"]}
upper.metadata["added"] = "later"  # this sends back the whole folder
del upper.metadata["age"]
upper.name = f"renamed v{version}"
found = RemoteFolder.get_by_path(f"{root.name}/renamed v{version}/lower")
seen["folders"] = {
    "root": root.name,
    "parents": [found.parent.name, upper.parent.name, root.parent],
    "by id": RemoteFolder.get_by_id(lower.id) == found,
    "subfolders": sorted(folder.name for folder in upper.get_subfolders()),
    "teams": [entry.name for entry in upper.allowed_teams],
    "metadata": {key: upper.metadata[key] for key in upper.metadata},
    "datasets": len(upper.get_datasets()),
    "not empty": refused(upper.delete),
    "circle": refused(lower.move_to, lower),
    "root stays": refused(root.delete),
}
upper.allowed_teams = []
seen["folders"]["teams dropped"] = [entry.name for entry in upper.allowed_teams]
for folder in (inner, lower, upper):
    folder.delete()
left = [folder.name for folder in root.get_subfolders()]
seen["folders"]["left"] = [name for name in left if name not in already]
team.delete()
seen["people"]["deleted"] = team not in Team.get_list()
print(json.dumps(seen))
