"""How far the colours of networks reach.

In:  -
Out: a constant; torch is not loaded for it
"""

REACH = 110  # Lab units: a* and b* lie in [-REACH, REACH], which holds every colour of sRGB
