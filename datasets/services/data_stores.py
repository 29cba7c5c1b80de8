"""The data stores: at least this site itself."""

from datasets.models import DataStore


def local_data_store() -> DataStore:
    """This site as a data store; made on first use."""
    store, _ = DataStore.objects.get_or_create(name=DataStore.LOCAL)
    return store
