from tests.plugins.folders import bench

__all__ = ["bench"]
