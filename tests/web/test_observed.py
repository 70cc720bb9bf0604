"""What is seen of requests from outside: their log lines and figures, who gets those, and what a failure looks like."""

from __future__ import annotations

import logging

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from pages._observed import CLOSED, METRICS, Observed, route_of
from services import metrics, unit_of_work

TOKEN = "a-token-of-enough-characters"


def fail(_request) -> None:
    raise ValueError("of Ann Archer")


def browser(client: str = "127.0.0.1") -> TestClient:
    routes = [METRICS, Route("/fail", fail), Route("/{rest:path}", lambda request: PlainTextResponse("here"))]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Observed)]), client=(client, 1234))


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/photo/17/large.jpg", "/photo/{id}/large.jpg"),
        ("/photo/%27/overlay.jpg", "/photo/{id}/overlay.jpg"),
        ("/photo/%27/heat-map.jpg", "/photo/{id}/heat-map.jpg"),
        ("/export/diagnoses.csv", "/export/diagnoses.csv"),
        ("/reset-password/3q2-7wXhIu", "page"),
        ("/photo/1/large.jpg/ann@example.org", "page"),
        ("/_stcore/upload_file/abc/def", "streamlit"),
        ("/static/js/index.js", "static"),
        ("/moles", "page"),
    ],
)
def test_log_and_figures_name_few_addresses_and_nothing_typed(path, route):
    assert route_of(path) == route


def test_every_answer_has_a_number_and_is_counted(moletrail, caplog):
    caplog.set_level(logging.INFO, "moletrail")
    answer = browser().get("/photo/17/large.jpg?of=Ann")
    entry = next(record.fields for record in caplog.records if record.getMessage() == "request")
    assert entry["request"] == answer.headers["x-request-id"]
    assert {name: entry[name] for name in ("route", "method", "status")} == {
        "route": "/photo/{id}/large.jpg", "method": "GET", "status": 200,
    }  # fmt: skip
    assert entry["ms"] > 0
    assert 'moletrail_requests_total{route="/photo/{id}/large.jpg",status="200"}' in metrics.render().decode()


def test_failure_is_a_calm_sentence_with_the_number_of_its_log_line(moletrail, caplog):
    answer = browser().get("/fail")
    assert answer.status_code == 500
    assert answer.text.startswith("Something went wrong on our side. What was saved before is safe.")
    assert "Ann" not in answer.text
    record = next(record for record in caplog.records if record.getMessage() == "error")
    assert record.fields["request"].upper() in answer.text


@pytest.mark.parametrize("path", [*CLOSED, "/_stcore/metrics/"])
def test_streamlits_own_figures_are_closed(moletrail, path):
    assert browser().get(path).status_code == 404


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("192.0.2.7", {}, 404),
        ("testclient", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 404),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 404),
        ("192.0.2.7", {"Authorization": f"Bearer {TOKEN}"}, 404),
    ],
)
def test_figures_are_for_this_machine(moletrail, client, headers, status):
    answer = browser(client).get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("moletrail_audit_chain_ok 1" in answer.text) == (status == 200)


def test_behind_tls_everybody_comes_from_this_machine_so_none_may(moletrail, monkeypatch):
    monkeypatch.setenv("MOLETRAIL_SECURE_COOKIE", "yes")
    unit_of_work.reset()
    assert browser().get("/metrics").status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Authorization": f"Bearer {TOKEN}"}, 200), ({"Authorization": f"Bearer {TOKEN}x"}, 404), ({"Authorization": TOKEN}, 404), ({}, 404)],
)
def test_with_a_token_set_only_the_token_counts(moletrail, monkeypatch, headers, status):
    monkeypatch.setenv("MOLETRAIL_METRICS_TOKEN", TOKEN)
    unit_of_work.reset()
    for client in ("127.0.0.1", "192.0.2.7"):
        assert browser(client).get("/metrics", headers=headers).status_code == status
