"""What the server that forks does for the exact method, by importing this module.

Each worker would load the compiled search by itself, or compile it where it cannot be kept on disk.
Here that is done once, before workers are forked, and they inherit it.
"""

import gc

import signflip.exact.warm  # noqa: F401 - compiles one small function: that shows what is kept
from signflip.compiled_files import code_is_kept
from signflip.methods.exact import Exact

if not (Exact().ready() or code_is_kept()):
    Exact().prepare()
# What is imported stays: workers need not copy it to look through it for garbage, and the server
# does not when it ends, which took it half a second.
gc.freeze()
