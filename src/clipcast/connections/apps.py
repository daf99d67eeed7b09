"""The apps for authorizations: the operator's, or one without registration."""

from dataclasses import replace

from clipcast.common.settings import PlatformApp, Settings
from clipcast.common.vault import Vault
from clipcast.platforms.base import FederatedOAuth, SignIn, app_of


def app_for(settings: Settings, vault: Vault, sign_in: SignIn) -> PlatformApp | None:
    """Return the app for this sign-in method, or None if the operator has not configured it."""
    if isinstance(sign_in, FederatedOAuth):
        return sign_in.own_app(settings.public_base, vault.secret(f"{sign_in.app} client"))
    app = app_of(settings, sign_in)
    if app is None:
        return None
    # The sandbox's own app has every permission.
    of_sandbox = settings.sandbox_url is not None and sign_in.app not in settings.apps
    extra_scopes = (scope for scope in sign_in.optional_scopes if of_sandbox or scope in settings.extra_scopes)
    return replace(app, extra_scopes=tuple(extra_scopes))
