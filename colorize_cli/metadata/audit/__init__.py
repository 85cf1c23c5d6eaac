"""A second reader of what files hold, for `--verify`.

It shares no code with the readers and writers that carry metadata: what one of them loses, the other would not miss.
"""
