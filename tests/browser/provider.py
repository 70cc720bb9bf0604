"""A stand-in for an OpenID Connect provider: whoever comes is the one person it was started for.

It speaks what `st.login` asks of a provider: discovery, authorization with code and nonce, token, keys.
"""

from __future__ import annotations

import secrets
import threading
import time
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route


class Provider:
    """Runs in a thread of its own until `stop`."""

    def __init__(self, port: int, **person: object) -> None:
        self.issuer = f"http://localhost:{port}"
        self.person = person
        self.key = RSAKey.generate_key(2048, {"kid": "1", "alg": "RS256", "use": "sig"})
        self.nonces: dict[str, str] = {}
        routes = [
            Route("/.well-known/openid-configuration", self.discovery), Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]), Route("/keys", self.keys),
        ]  # fmt: skip
        self.server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), host="localhost", port=port, log_level="error"))
        threading.Thread(target=self.server.run, daemon=True).start()
        while not self.server.started:
            time.sleep(0.05)

    def stop(self) -> None:
        self.server.should_exit = True

    def secrets_toml(self, moletrail: str) -> str:
        """What .streamlit/secrets.toml has to say for a Moletrail at this address."""
        return (
            f'[auth]\nredirect_uri = "{moletrail}/oauth2callback"\ncookie_secret = "{secrets.token_hex(32)}"\n'
            f'[auth.stand-in]\nclient_id = "moletrail"\nclient_secret = "s"\n'
            f'server_metadata_url = "{self.issuer}/.well-known/openid-configuration"\n'
        )

    def discovery(self, _request: Request) -> Response:
        return JSONResponse({
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys", "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"],
        })  # fmt: skip

    def authorize(self, request: Request) -> Response:
        code = secrets.token_urlsafe(16)
        self.nonces[code] = request.query_params["nonce"]
        query = urlencode({"code": code, "state": request.query_params["state"]})
        return RedirectResponse(f"{request.query_params['redirect_uri']}?{query}")

    async def token(self, request: Request) -> Response:
        form = await request.form()
        moment = int(time.time())
        claims = {"iss": self.issuer, "sub": "17", "aud": "moletrail", "iat": moment, "exp": moment + 300} | self.person
        claims["nonce"] = self.nonces.pop(form["code"])
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": token})

    def keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})
