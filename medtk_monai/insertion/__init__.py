"""Objects put into scans: made-up aneurysms and lesions, and objects cut from other scans."""

from medtk_monai.insertion.dataset import Insertion, insert_objects

__all__ = ["Insertion", "insert_objects"]
