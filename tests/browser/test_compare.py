"""Two visits compared in a real browser, every way, with mouse, keyboard and finger; and a scale set by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import LAPTOP, PHONE, RESULTS, ROOT, Server, server_in, started
from tests.browser.people import PLOTTED, log_in, point_of, settle
from tests.browser.screenshots import WAYS, whole
from tests.browser.test_phone import overflow

expect.set_options(timeout=60_000)
EMAIL, PASSWORD = "ann@example.org", "blue kettle on the roof"
SET_UP = f"""
import cv2
from datetime import date, timedelta
from core.synthetic import Mole, photograph
from services import accounts, consent, lesions, photos, start
from services.fields import Details, today

start.prepare()
photos.warm_up()
about = Details("Ann", "Archer", "1 Long Street", "", "Springfield", "Illinois", "12345", "female", date(1980, 1, 31))
ann = accounts.sign_up(role="patient", email={EMAIL!r}, password={PASSWORD!r}, details=about)
consent.accept(ann, version=consent.current().version)
mole = lesions.add_lesion(ann, name="Nape", body_site="nape")
for visit in range(2):
    picture = photograph(Mole.random(12, "benign", 1, 1.0), visit=visit, look="phone", size=(960, 720)).rgb
    if visit:
        cv2.circle(picture, (840, 600), 80, (150, 150, 160), -1, cv2.LINE_AA)
        cv2.circle(picture, (840, 600), 60, (190, 170, 110), -1, cv2.LINE_AA)
    data = cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes()
    photos.add_photo(
        ann, lesion_id=mole.id, data=data, taken_on=today() - timedelta(days=90 * (1 - visit)), confirmed_same=True
    )
"""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = server_in(tmp_path_factory.mktemp("compare"))
    server.command("-c", SET_UP)
    with started(server, [ROOT / ".venv/bin/streamlit", "run", "Home.py", "--server.port", server.port]) as running:
        yield running


def logged_in(browser: Browser, clinic: Server, size: dict[str, int], **more) -> Iterator[Page]:
    context = browser.new_context(base_url=clinic.address, viewport=size, locale="en-GB", **more)
    context.set_default_timeout(60_000)
    page = context.new_page()
    log_in(page, EMAIL, PASSWORD)
    yield page
    context.close()


@pytest.fixture(scope="module")
def laptop_page(browser: Browser, clinic: Server) -> Iterator[Page]:
    yield from logged_in(browser, clinic, LAPTOP)


@pytest.fixture(scope="module")
def phone_page(browser: Browser, clinic: Server) -> Iterator[Page]:
    yield from logged_in(browser, clinic, PHONE, has_touch=True, is_mobile=True, color_scheme="dark")


def compare(page: Page, way: str) -> None:
    page.goto(f"/compare?mole=1&way={way}")
    settle(page)


def are_loaded(pictures: Locator, count: int) -> None:
    expect(pictures).to_have_count(count)
    for number in range(count):
        pictures.nth(number).evaluate("picture => picture.decode()")


def line_at(page: Page) -> float:
    """Where the dividing line stands, in percent."""
    return float(page.locator(".edge").evaluate("edge => edge.style.left").rstrip("%"))


def shown(page: Page) -> str:
    """Which of the two photos blinking shows."""
    return page.locator("img.first").evaluate("photo => photo.style.visibility === 'hidden' ? 'later' : 'earlier'")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", ["laptop", "phone"])
def test_every_way_is_reached_by_its_address_and_shows_its_pictures(request, size: str, way: str) -> None:
    page = request.getfixturevalue(f"{size}_page")
    compare(page, way)
    expect(page.get_by_role("radio", name=way.replace("+", " "))).to_be_checked()
    pictures = page.locator("img[src*='/aligned/1/2/']")
    are_loaded(pictures, 1 if way in ("Difference", "Outlines") else 2)
    if size == "phone":
        assert overflow(page) <= 0
    RESULTS.mkdir(exist_ok=True)
    whole(page, RESULTS / f"compare-{way.lower()}-{size}.png")


def test_picture_and_line_are_within_the_first_screen_of_a_laptop(laptop_page: Page) -> None:
    compare(laptop_page, "Swipe")
    are_loaded(laptop_page.locator("img[src*='/aligned/1/2/']"), 2)
    box = laptop_page.get_by_role("slider").bounding_box()
    assert box["y"] + box["height"] <= LAPTOP["height"]


def test_line_is_pulled_by_mouse_and_by_arrow_keys(laptop_page: Page) -> None:
    page = laptop_page
    compare(page, "Swipe")
    are_loaded(page.locator("img[src*='/aligned/1/2/']"), 2)
    assert line_at(page) == 50
    page.get_by_role("slider").focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert line_at(page) == 60
    assert "40%" in page.locator("img.first").evaluate("photo => photo.style.clipPath"), "the later photo shows beyond the line"
    box = page.locator(".frame").bounding_box()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 120, steps=5)
    page.mouse.up()
    assert line_at(page) == pytest.approx(25, abs=1)


def test_line_is_pulled_by_a_finger(phone_page: Page) -> None:
    page = phone_page
    compare(page, "Swipe")
    are_loaded(page.locator("img[src*='/aligned/1/2/']"), 2)
    page.locator(".frame").scroll_into_view_if_needed()
    box = page.locator(".frame").bounding_box()
    finger = page.context.new_cdp_session(page)
    for kind, share in (("touchStart", 0.5), ("touchMove", 0.6), ("touchMove", 0.8), ("touchEnd", None)):
        points = [] if share is None else [{"x": box["x"] + share * box["width"], "y": box["y"] + 60}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert line_at(page) == pytest.approx(80, abs=2)


def test_blinking_goes_on_by_itself_and_stops_where_one_wants_to_look(laptop_page: Page) -> None:
    page = laptop_page
    compare(page, "Blink")
    are_loaded(page.locator("img[src*='/aligned/1/2/']"), 2)
    earlier = page.locator("img.first")
    for _ in range(2):
        expect(earlier).to_be_hidden()
        expect(earlier).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    held = shown(page)
    page.wait_for_timeout(2500)
    assert shown(page) == held
    page.keyboard.press("ArrowLeft")
    assert shown(page) == "earlier"
    page.keyboard.press("ArrowRight")
    assert shown(page) == "later"
    page.get_by_role("button", name="Show the earlier").press("Enter")
    assert shown(page) == "earlier"


def test_blinking_does_not_begin_for_who_asked_for_less_motion(browser: Browser, clinic: Server) -> None:
    for page in logged_in(browser, clinic, LAPTOP, reduced_motion="reduce"):
        compare(page, "Blink")
        expect(page.get_by_role("button", name="Blink")).to_be_visible()
        assert shown(page) == "earlier"


def test_finger_on_the_photo_turns_to_the_other(phone_page: Page) -> None:
    page = phone_page
    compare(page, "Blink")
    are_loaded(page.locator("img[src*='/aligned/1/2/']"), 2)
    page.get_by_role("button", name="Pause").tap()
    held = shown(page)
    page.locator(".frame").tap()
    assert shown(page) != held


def test_other_visits_are_chosen_by_keyboard_and_stand_in_the_address(laptop_page: Page) -> None:
    page = laptop_page
    compare(page, "Outlines")
    page.get_by_label("Earlier visit").first.click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "first=2" in url and "second=2" in url and "way=Outlines" in url)


# The scale, by hand


def open_scale(page: Page) -> None:
    page.goto("/visit?mole=1&visit=2")
    settle(page)
    page.get_by_text("Set the scale").click()
    expect(page.get_by_text("How the size is known")).to_be_visible()
    settle(page)


def test_coin_is_marked_on_the_photo_before_it_counts(laptop_page: Page) -> None:
    page = laptop_page
    open_scale(page)
    page.get_by_text("Coin", exact=True).click()
    expect(page.get_by_text("taken for the coin's is marked in red")).to_be_visible()
    settle(page)
    line = page.locator("polyline").bounding_box()
    photo = page.locator(".frame img").bounding_box()
    middle = (line["x"] + line["width"] / 2 - photo["x"]) / photo["width"], (line["y"] + line["height"] / 2 - photo["y"]) / photo["height"]
    assert middle == (pytest.approx(840 / 960, abs=0.02), pytest.approx(600 / 720, abs=0.02))
    expect(page.get_by_text(re.compile(r"By it the mole is [\d.]+ mm long"))).to_be_visible()
    whole(page, RESULTS / "scale-coin-laptop.png")


def test_two_points_are_set_by_keyboard_and_by_finger(laptop_page: Page, phone_page: Page) -> None:
    open_scale(laptop_page)
    first = laptop_page.get_by_role("button", name=re.compile("^Point 1:"))
    before = first.bounding_box()["x"]
    first.focus()
    for _ in range(5):
        laptop_page.keyboard.press("Shift+ArrowLeft")
    assert first.bounding_box()["x"] == pytest.approx(before - 50, abs=2)
    settle(laptop_page)
    assert first.bounding_box()["x"] == pytest.approx(before - 50, abs=2), "it stays where it was put"

    open_scale(phone_page)
    frame = phone_page.locator(".frame")
    frame.scroll_into_view_if_needed()
    frame.tap(position={"x": frame.bounding_box()["width"] * 0.9, "y": 40})
    settle(phone_page)
    expect(phone_page.get_by_role("button", name=re.compile("^Point 2: (89|90|91) % from the left"))).to_be_visible()
    assert overflow(phone_page) <= 0
    phone_page.get_by_role("button", name="Use this scale").tap()
    expect(phone_page.get_by_text("Millimetres from two points set by hand")).to_be_visible()


# The photos of the visits, where one points in the plots of the timeline


@pytest.fixture
def card(laptop_page: Page) -> Locator:
    laptop_page.goto("/mole?mole=1", timeout=PLOTTED)
    return laptop_page.locator(".card")


def point_at(page: Page, number: int, card: Locator) -> None:
    """The pointer on a visit's point; again, as a person would, where plots that came meanwhile moved it away below the pointer."""
    for _ in range(20):
        page.mouse.move(*point_of(page, number))
        page.wait_for_timeout(500)
        if card.is_visible():
            return
        page.mouse.move(5, 5)


def test_pointing_at_a_point_shows_its_photo(laptop_page: Page, card: Locator) -> None:
    for number in (0, 1):
        point_at(laptop_page, number, card)
        expect(card).to_be_visible()
        expect(card.locator("img")).to_have_attribute("src", re.compile(rf"/photo/{number + 1}/thumb\.jpg$"))
        are_loaded(card.locator("img"), 1)
    RESULTS.mkdir(exist_ok=True)
    laptop_page.screenshot(path=RESULTS / "timeline-pointing-laptop.png")
    laptop_page.mouse.move(5, 5)
    expect(card).to_be_hidden()


def test_arrow_keys_go_from_visit_to_visit_and_enter_opens_one(laptop_page: Page, card: Locator) -> None:
    plot = laptop_page.locator("[data-testid=stPlotlyChart] .js-plotly-plot").first
    expect(plot).to_have_attribute("tabindex", "0", timeout=PLOTTED)
    settle(laptop_page)  # plots that are still coming move those above them
    plot.focus()
    settle(laptop_page)  # to see it the page scrolls, and scrolling takes the photo away
    laptop_page.keyboard.press("ArrowLeft")
    expect(card).to_be_visible()
    expect(card.locator("img")).to_have_attribute("src", re.compile("/photo/2/"))
    laptop_page.keyboard.press("ArrowLeft")
    expect(card.locator("img")).to_have_attribute("src", re.compile("/photo/1/"))
    expect(card.get_by_role("status")).to_contain_text("Benign")
    laptop_page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    laptop_page.keyboard.press("Home")
    laptop_page.keyboard.press("Enter")
    laptop_page.wait_for_url(re.compile("/visit.*visit=1"))


def test_finger_on_the_plot_shows_the_photo(phone_page: Page) -> None:
    phone_page.goto("/mole?mole=1", timeout=PLOTTED)
    x, y = point_of(phone_page, 1)
    finger = phone_page.context.new_cdp_session(phone_page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    expect(phone_page.locator(".card img")).to_have_attribute("src", re.compile("/photo/2/"))
    expect(phone_page.locator(".card")).to_be_visible()
    phone_page.screenshot(path=RESULTS / "timeline-pointing-phone.png")
    finger.send("Input.dispatchTouchEvent", {"type": "touchCancel", "touchPoints": []})


def test_tap_on_a_point_shows_the_photo_with_a_button_to_its_visit(phone_page: Page) -> None:
    phone_page.goto("/mole?mole=1", timeout=PLOTTED)
    phone_page.touchscreen.tap(*point_of(phone_page, 1))
    card = phone_page.locator(".card")
    expect(card.locator("img")).to_have_attribute("src", re.compile("/photo/2/"))
    expect(card).to_be_visible()
    expect(phone_page.locator(".hoverlayer .hovertext:visible")).to_have_count(0)  # the card says the same
    button = card.get_by_role("button", name="Open this visit")
    assert button.bounding_box()["height"] >= 44
    button.tap()
    phone_page.wait_for_url(re.compile("/visit.*visit=2"))
