"""The app as which an installation signs people in: the operator's, or one that needs no registering."""

from clipcast.platforms.base import FederatedOAuth, SignIn
from clipcast.settings import PlatformApp, Settings
from clipcast.vault import Vault


def app_for(settings: Settings, vault: Vault, sign_in: SignIn) -> PlatformApp | None:
    """None when the operator has not configured it."""
    if isinstance(sign_in, FederatedOAuth):
        return sign_in.own_app(settings.public_base, vault.secret(f"{sign_in.app} client"))
    return settings.app(sign_in.app)
