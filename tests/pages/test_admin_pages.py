"""What admins see and change."""

from __future__ import annotations

from datetime import date

import pytest

from services import accounts, lesions, photos
from tests.helpers import PASSWORD, TinyAnalyser, photo_bytes
from tests.pages.app import open_app, open_page, sentences_under, words


@pytest.fixture
def accounts_page(monkeypatch, admin, token_of):
    return lambda: open_page(open_app(monkeypatch, token_of(admin)), "admin/accounts.py")


@pytest.fixture
def records_page(monkeypatch, admin, token_of):
    return lambda **query: open_page(open_app(monkeypatch, token_of(admin)), "admin/records.py", **query)


def button(app, label):
    return next(button for button in app.button if button.label == label)


# Accounts


def test_heading_counts_who_waits(accounts_page, sign_up):
    assert accounts_page().title[0].value == "No account waits for you"
    sign_up(role="doctor", email="one@example.org")
    assert accounts_page().title[0].value == "1 account waits for you"
    sign_up(role="doctor", email="two@example.org")
    assert accounts_page().title[0].value == "2 accounts wait for you"


def test_doctor_who_waits_is_confirmed(accounts_page, sign_up, token_of):
    doctor = sign_up(role="doctor", email="one@example.org")
    app = accounts_page()
    button(app, "Confirm").click()
    app.run()
    assert app.title[0].value == "No account waits for you"
    assert accounts.person_of(token=token_of(doctor)).role == "doctor"


def test_refusing_asks_first_and_then_disables(accounts_page, admin, sign_up):
    doctor = sign_up(role="doctor", email="one@example.org")
    app = accounts_page()
    button(app, "Refuse").click()
    app.run()
    assert state_of(admin, doctor) == "pending"
    app.button(key="sure").click()
    app.run()
    assert state_of(admin, doctor) == "disabled"


def state_of(admin, person):
    return accounts.list_accounts(admin, search=person.email).items[0].account_state


def test_search_and_filters_narrow_the_list(accounts_page, patient, doctor):
    app = accounts_page()
    assert "3 accounts" in words(app)
    app.text_input(key="search").input("archer").run()
    assert "1 account" in words(app).splitlines()
    app.text_input(key="search").input("").run()
    app.selectbox(key="role").set_value("doctor").run()
    assert doctor.surname in words(app)
    assert patient.surname not in words(app)
    app.selectbox(key="state").set_value("disabled").run()
    assert "No account matches" in words(app)


def test_role_is_changed_after_a_question(accounts_page, admin, patient):
    app = accounts_page()
    app.get("menu_button")[0].set_value("Make doctor").run()
    assert "logged out everywhere" in words(app)
    app.button(key="sure").click()
    app.run()
    assert accounts.list_accounts(admin, search=patient.email).items[0].role == "doctor"


def test_admin_is_offered_no_change_of_their_own_account(accounts_page, patient):
    assert len(accounts_page().get("menu_button")) == 1


def test_refusal_of_the_service_is_shown(accounts_page, patient, tiny):
    lesions.add_lesion(patient, name="Dark one", body_site="left_shoulder", first_noticed=None)
    app = accounts_page()
    app.get("menu_button")[0].set_value("Make admin").run()
    app.button(key="sure").click()
    app.run()
    assert "holds moles" in app.error[0].value


def test_doctor_is_created(accounts_page, admin):
    app = accounts_page()
    for name, value in {"first_name": "Eva", "surname": "Holm", "email": "eva@example.org", "password": PASSWORD}.items():
        app.text_input(key=f"create_{name}").input(value)
    button(app, "Create the account").click()
    app.run()
    eva = accounts.list_accounts(admin, search="eva@example.org").items[0]
    assert (eva.role, eva.account_state) == ("doctor", "active")


def test_mistakes_in_a_new_doctor_are_told_under_their_fields(accounts_page, admin):
    app = accounts_page()
    app.text_input(key="create_first_name").input("Eva")
    app.text_input(key="create_email").input(admin.email)
    button(app, "Create the account").click()
    app.run()
    told = {name: sentences_under(app, f"create_{name}") for name in ("first_name", "surname", "email", "password")}
    assert [len(sentences) for sentences in told.values()] == [0, 1, 0, 1]
    assert app.text_input(key="create_first_name").value == "Eva"


# Records


@pytest.fixture
def two_records(patient, tiny):
    lesion = lesions.add_lesion(patient, name="Dark one", body_site="left_shoulder", first_noticed=None)
    for radius, probability in ((30, 0.03), (40, 0.9)):
        photos.use_analyser(TinyAnalyser(probability))
        photos.add_photo(patient, lesion_id=lesion.id, data=photo_bytes(radius=radius), taken_on=date(2026, 1, radius - 20))


def test_records_without_any_photo_say_what_will_be_here(records_page):
    app = records_page()
    assert app.title[0].value == "0 diagnosis records"
    assert "No diagnosis yet" in words(app)


def test_records_are_counted_listed_and_offered_as_csv(records_page, two_records, patient):
    app = records_page()
    assert app.title[0].value == "2 diagnosis records"
    table = app.dataframe[0].value
    assert list(table["Diagnosis"]) == ["malignant", "benign"]
    assert set(table["Patient"]) == {patient.id}
    assert patient.surname not in table.to_csv()
    assert app.get("link_button")[0].proto.url == "/export/diagnoses.csv?"


def test_filters_narrow_table_and_download_alike(records_page, two_records, patient):
    app = records_page()
    app.selectbox(key="diagnosis").set_value("malignant").run()
    assert app.title[0].value == "1 diagnosis record matches"
    app.date_input(key="since").set_value(date(2026, 1, 15)).run()
    app.number_input(key="patient_id").set_value(patient.id).run()
    assert len(app.dataframe[0].value) == 1
    address = app.get("link_button")[0].proto.url
    assert address == f"/export/diagnoses.csv?diagnosis=malignant&since=2026-01-15&patient_id={patient.id}"


def test_filters_of_the_address_survive_a_refresh(records_page, two_records):
    app = records_page(diagnosis="Benign")
    assert app.selectbox(key="diagnosis").value == "benign"
    assert app.title[0].value == "1 diagnosis record matches"


def test_filters_that_contradict_each_other_are_told(records_page, two_records):
    app = records_page()
    app.date_input(key="since").set_value(date(2026, 2, 1)).run()
    app.date_input(key="until").set_value(date(2026, 1, 1)).run()
    assert [error.value for error in app.error] == ["The last day lies before the first."]
    assert not app.get("link_button")
