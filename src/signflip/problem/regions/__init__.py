"""Sets of images that an attack may use, one file each."""
