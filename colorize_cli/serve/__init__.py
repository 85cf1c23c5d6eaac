"""A local page to see photos and guide their colors: listing, open photos, saving, and the server that shows them."""
