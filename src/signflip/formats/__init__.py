"""Files of networks, one file a format."""
