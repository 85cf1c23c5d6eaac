"""Color that holds still from frame to frame: cuts, motion, and the mean of what a network says along it."""
