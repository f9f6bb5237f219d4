"""Settings of all tests."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "signflip",
    deadline=None,  # a busy machine is no failure
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    # a change is judged by the same examples each time; who works on the code draws new ones
    derandomize="CI" in os.environ,
)
settings.load_profile("signflip")
