"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# no time limit for an example: a busy machine is no failure
settings.register_profile(
    "signflip", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("signflip")
