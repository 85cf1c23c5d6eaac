"""A local page to see photos and steer their colors: listing, open photos, saving, and the server that shows them."""
