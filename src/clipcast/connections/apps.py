"""The app as which an installation signs people in: the operator's, or one that needs no registering."""

from dataclasses import replace

from clipcast.common.settings import PlatformApp, Settings
from clipcast.common.vault import Vault
from clipcast.platforms.base import FederatedOAuth, SignIn, app_of


def app_for(settings: Settings, vault: Vault, sign_in: SignIn) -> PlatformApp | None:
    """None when the operator has not configured it."""
    if isinstance(sign_in, FederatedOAuth):
        return sign_in.own_app(settings.public_base, vault.secret(f"{sign_in.app} client"))
    app = app_of(settings, sign_in)
    if app is None:
        return None
    # The sandbox's own app is granted everything.
    of_sandbox = settings.sandbox_url is not None and sign_in.app not in settings.apps
    asked = (scope for scope in sign_in.optional_scopes if of_sandbox or scope in settings.extra_scopes)
    return replace(app, extra_scopes=tuple(asked))
