"""Find small objects in 2D and 3D medical images: detection components for MONAI.

Components live in the subpackages (``medtk_monai.anchors``, ``.assigners``, ``.heads``, ...). Importing this package imports
neither torch nor MONAI, so that command-line help stays quick.
"""

__version__ = "0.1.0"
