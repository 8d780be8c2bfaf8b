"""Manifests: read, located, checked; one typed model for every other room."""

from core.manifest.folder import plugin_folders
from core.manifest.reader import Reading, read_plugins, read_world
from core.manifest.source import PluginReading

__all__ = ["PluginReading", "Reading", "plugin_folders", "read_plugins", "read_world"]
