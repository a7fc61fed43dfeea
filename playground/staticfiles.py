"""Static files with hashed names, also inside ES module imports."""

from servestatic.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Far-future caching for everything: the name changes with the content."""

    support_js_module_import_aggregation = True
