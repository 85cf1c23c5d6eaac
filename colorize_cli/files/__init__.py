"""Files on the disk: which photos are meant, where results go, how they are written whole."""
