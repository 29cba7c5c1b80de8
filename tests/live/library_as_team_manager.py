"""Run by test_library_people_and_folders with the public library: what a team manager may do.

    library_as_team_manager.py FOLDER

FOLDER is given to the manager's own team and to another one. Prints JSON.
"""

import json
import sys

from webknossos.administration import Team, User
from webknossos.client.api_client import ApiClientError
from webknossos.dataset.remote_folder import RemoteFolder


def refused(deed, *arguments):
    """The answer with which the server refuses."""
    try:
        deed(*arguments)
    except ApiClientError as error:
        return str(error)
    return ""


member = next(user for user in User.get_all_managed_users() if user.first_name == "Mia")
own = Team.get_by_name("Microscopy")
other = next(team for team in Team.get_list() if team.name != "Microscopy")
root = RemoteFolder.get_root()
folder = RemoteFolder.get_by_path(f"{root.name}/{sys.argv[1]}")
inner = folder.add_subfolder("inner")
inner.allowed_teams = [own]
seen = {
    "inner": [team.name for team in inner.allowed_teams],
    "unmanaged": refused(setattr, inner, "allowed_teams", [own, other]),
    "in the root": refused(root.add_subfolder, "mine"),
    "new team": refused(Team.add, "mine"),
    "unmanaged team": refused(lambda: other.add_user(member, is_team_manager=True)),
}
inner.delete()
folder.allowed_teams = []
own.add_user(member, is_team_manager=True)
own.add_user(member, is_team_manager=False)
try:
    seen["still seen"] = RemoteFolder.get_by_id(folder.id).name
except KeyError:
    seen["still seen"] = None
print(json.dumps(seen))
