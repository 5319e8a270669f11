"""Who calls on Apify without a key of ours: the account of the run."""

from reddit_mcp.errors import Unavailable
from reddit_mcp.models import Caller
from reddit_mcp.settings import Settings

SHARED_TIER = "business"
"""What all callers without a key share in a run of many accounts: the platform names none of them to us."""


def account(settings: Settings) -> Caller:
    """The caller of a run: its account, or in a run of many accounts one caller that stands for all of them.

    Raises:
        Unavailable: the platform named no account or no run.
    """
    run = settings.apify
    name = run.run_id if settings.apify_tenancy == "multi" else run.user_id
    if not name:
        variable = "ACTOR_RUN_ID" if settings.apify_tenancy == "multi" else "APIFY_USER_ID"
        raise Unavailable(f"{variable} is not set: this is no run on the Apify platform, or another tenancy.")
    if settings.apify_tenancy == "multi":
        return Caller(id=f"apify-run:{name}", tier=SHARED_TIER, shared=True)
    return Caller(id=f"apify:{name}", tier="pro" if run.user_is_paying else "free")
