"""The editor of a clip: cut, shape, captions, watermark, cover and templates, by mouse, keyboard and typing."""

import asyncio
import re
import struct
import zlib
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from clipcast.installation import Installation
from clipcast.testing.media_files import make
from tests.e2e.people import OWNER, held_until, rendering, set_up, shoot, sign_in, upload
from tests.e2e.test_pages import serious
from tests.e2e.test_phone import SQUEEZED, TOO_WIDE

pytestmark = pytest.mark.browser

SRT = "1\n00:00:00,000 --> 00:00:02,000\nFirst light in the harbour\n"


def png(path: Path) -> Path:
    """Write a picture of one colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + bytes((250, 180, 0)) * 64 for _ in range(32))
    header = struct.pack(">IIBBBBB", 64, 32, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


async def open_editor(page: Page, installation: Installation, clip: Path) -> str:
    """Upload a clip, open its page, and return the address of the workspace's pages."""
    base = await set_up(page, installation)
    await upload(page, base, clip)
    await page.get_by_role("link", name="Uploaded: open clip").click()
    await expect(page.locator("#covers button")).to_have_count(12, timeout=60_000)
    return base


async def test_cut_by_dragging_typing_and_keys(served: Installation, page: Page, clip: Path) -> None:
    await open_editor(page, served, clip)
    start, end = page.get_by_label("Start", exact=True), page.get_by_label("End", exact=True)
    await expect(end).to_have_value("0:04.2")
    box = await page.locator("#timeline").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + 12, middle)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] / 4, middle, steps=5)
    await page.mouse.up()
    dragged = await start.input_value()
    assert 0.8 < float(dragged.removeprefix("0:")) < 1.3
    await expect(page.locator("#checks")).to_contain_text("Where the result fits")
    await end.fill("3")
    await end.press("Tab")
    assert 2.9 < float(await page.locator("#end-handle").input_value()) < 3.1
    await page.locator("#position").focus()
    await page.evaluate("document.getElementById('player').currentTime = 1")
    await page.keyboard.press("i")
    await expect(start).to_have_value("0:01.0")
    await page.evaluate("document.getElementById('player').currentTime = 4")
    await page.keyboard.press("o")
    await expect(end).to_have_value("0:04.0")
    # A field of text takes the key as a letter.
    await page.get_by_label("Name", exact=True).press("i")
    await expect(start).to_have_value("0:01.0")
    await page.get_by_role("button", name="Play", exact=True).click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible(timeout=30_000)
    assert 3.9 < await page.evaluate("document.getElementById('player').currentTime") < 4.1
    await shoot(page, "editor-cut")


async def test_shape_captions_watermark_and_cover_are_shown_and_saved(
    served: Installation, page: Page, clip: Path, tmp_path: Path
) -> None:
    base = await open_editor(page, served, clip)
    await page.get_by_label("1:1").check()
    # The edges show the picture, blurred.
    edge = "document.getElementById('backdrop').getContext('2d').getImageData(2, 32, 1, 1).data[0]"
    await page.wait_for_function(f"() => {edge} > 100")
    await page.get_by_label("Crop").check()
    frame = page.locator("#frame")
    await frame.scroll_into_view_if_needed()
    box = await frame.bounding_box()
    assert box is not None
    assert abs(box["width"] / box["height"] - 1) < 0.03
    await page.mouse.move(box["x"] + 40, box["y"] + 40)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 40, box["y"] + 20, steps=4)
    await page.mouse.up()
    focus = page.get_by_label("Focus from the top")
    assert 40 < float(await focus.input_value()) < 49.5
    await focus.fill("20")
    moved = await frame.bounding_box()
    assert moved is not None
    assert moved["y"] < box["y"] - 10
    await page.get_by_label("Type them").check()
    await page.get_by_role("button", name="Add a caption here").click()
    await page.get_by_label("Text of the caption").fill("<b>Hello</b> harbour 🌅")
    caption = page.locator("#caption")
    await expect(caption).to_have_text("Hello harbour 🌅")
    shown = await caption.bounding_box()
    assert shown is not None
    # The crop keeps the upper half: the caption is at its bottom, and not at the picture's.
    assert moved["y"] + moved["height"] / 2 < shown["y"]
    assert shown["y"] + shown["height"] < moved["y"] + moved["height"]
    await page.get_by_role("button", name="Show the result").click()
    await expect(frame).to_be_hidden()
    await expect(caption).to_be_visible()
    stage = await page.locator("#stage").bounding_box()
    assert stage is not None
    assert abs(stage["width"] / stage["height"] - 1) < 0.03

    await page.locator("#watermark-part summary").click()
    await page.locator("[id='watermark.asset_id-file']").set_input_files(png(tmp_path / "logo.png"))
    await expect(page.locator("#mark")).to_be_visible()
    await page.locator("#covers button").nth(6).click()
    await expect(page.get_by_label("Time of the cover")).not_to_have_value("")
    await expect(page.locator("#covers button[aria-pressed=true]")).to_have_count(1)
    await page.get_by_label("Name", exact=True).fill("Square")
    await expect(page.locator("#checks")).to_contain_text("0:04.2, 540x540")
    await shoot(page, "editor-shape")
    assert await serious(page) == []
    await page.get_by_role("button", name="Save as new clip").click()
    await expect(page.locator("#made")).to_contain_text("Square")
    await expect(page.locator("#made")).to_contain_text("Waiting")
    await page.goto(base + "/clips")
    await expect(page.get_by_role("link", name="Square", exact=True)).to_be_visible()


async def test_cover_from_the_end_of_a_cut_is_its_last_frame(served: Installation, page: Page, clip: Path) -> None:
    await open_editor(page, served, clip)
    await page.get_by_label("End", exact=True).fill("2.5")
    await page.get_by_label("End", exact=True).press("Tab")
    await page.get_by_label("Position of the player").fill("2.5")
    await page.get_by_role("button", name="Use the frame shown now").click()
    await expect(page.get_by_label("Time of the cover")).to_have_value("0:02.467")
    # A frame of the film strip at the end of the cut is chosen in the same way.
    await page.get_by_label("Time of the cover").fill("1")
    tile = page.locator("#covers button").first
    await tile.evaluate("one => { one.dataset.at = '2.5'; }")
    await tile.click()
    await expect(page.get_by_label("Time of the cover")).to_have_value("0:02.467")
    await expect(tile).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#checks")).to_contain_text("Where the result fits")


async def test_saved_clip_is_made_played_downloaded_and_used(served: Installation, page: Page, clip: Path) -> None:
    await open_editor(page, served, clip)
    await page.get_by_label("Start", exact=True).fill("1")
    await page.get_by_label("16:9").check()
    await page.get_by_label("Name", exact=True).fill("Wide")
    await page.get_by_role("button", name="Save as new clip").click()
    await expect(page.locator("#made .status")).to_have_text("Waiting")
    async with rendering(served):
        # The page follows by itself.
        await expect(page.locator("#made .status")).to_have_text("Ready", timeout=60_000)
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download Wide").click()
    assert (await downloading.value).suggested_filename == "Wide.mp4"
    await shoot(page, "editor-made")
    await page.get_by_role("link", name="Play Wide").click()
    await expect(page.get_by_role("heading", name="Wide")).to_be_visible()
    shown = "[document.querySelector('video').videoWidth, document.querySelector('video').videoHeight]"
    await page.wait_for_function(f"() => {shown}[0] > 0")
    width, height = await page.evaluate(shown)
    assert abs(width / height - 16 / 9) < 0.02
    assert 3 < await page.evaluate("document.querySelector('video').duration") < 3.4
    await shoot(page, "editor-result")
    assert await serious(page) == []
    await page.get_by_role("link", name="Change and save anew").click()
    await expect(page.get_by_label("16:9")).to_be_checked()
    await page.go_back()
    await page.get_by_role("link", name="Use in a post", exact=True).click()
    await expect(page.locator("#strip li")).to_contain_text("Wide")


async def test_captions_file_is_checked_and_shown(served: Installation, page: Page, clip: Path, tmp_path: Path) -> None:
    await open_editor(page, served, clip)
    await page.get_by_label("From a file").check()
    chooser = page.locator("[id='captions.asset_id-file']")
    (tmp_path / "bad.srt").write_text("1\nsoon --> later\nx\n")
    await chooser.set_input_files(tmp_path / "bad.srt")
    says = page.locator("[data-upload-says]").first
    await expect(says).to_contain_text("Line 2 of the captions")
    (tmp_path / "good.srt").write_text(SRT)
    await chooser.set_input_files(tmp_path / "good.srt")
    await expect(page.locator("#caption")).to_have_text("First light in the harbour")
    await expect(says).to_be_empty()
    # The last one that was chosen is used, however long another takes; and what is saved waits for it.
    go_on = asyncio.Event()

    held = re.compile("(?<!assets)/uploads/")
    (tmp_path / "late.srt").write_text(SRT.replace("First light", "Night"))
    (tmp_path / "last.srt").write_text(SRT.replace("First light", "Noon"))
    await page.route(held, held_until(go_on), times=1)
    await chooser.set_input_files(tmp_path / "late.srt")
    await expect(says).to_have_text("Uploading late.srt …")
    await chooser.set_input_files(tmp_path / "last.srt")
    await expect(page.locator("#caption")).to_have_text("Noon in the harbour")
    async with page.expect_response("**/uploads/complete"):
        go_on.set()
    go_on.clear()
    await page.route(held, held_until(go_on), times=1)
    await chooser.set_input_files(tmp_path / "good.srt")
    await expect(page.locator("#caption")).to_have_text("Noon in the harbour")
    await page.get_by_label("Name", exact=True).fill("With captions")
    await page.get_by_role("button", name="Save as new clip").click()
    await expect(says).to_contain_text("It is saved after that.")
    go_on.set()
    await expect(page.locator("#made")).to_contain_text("With captions")


async def test_problem_appears_beside_its_field_and_goes_again(served: Installation, page: Page, clip: Path) -> None:
    await open_editor(page, served, clip)
    end = page.get_by_label("End", exact=True)
    await end.fill("1:00")
    await expect(page.locator("[id='trim.end-problem']")).to_contain_text("after the end of the video")
    await expect(end).to_have_attribute("aria-invalid", "true")
    await end.fill("0:04")
    await expect(page.locator("[id='trim.end-problem']")).to_be_empty()


async def test_one_press_trims_to_a_platforms_limit(served: Installation, page: Page, tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mp4", seconds=100, rate=24, size=(540, 960))
    await open_editor(page, served, clip)
    await page.get_by_role("button", name="Trim to 90 s for Facebook, Reel").click()
    await expect(page.get_by_label("End", exact=True)).to_have_value("1:30.0")
    await expect(page.locator("[data-trim-to='90']")).to_have_count(0)


async def test_file_that_no_browser_plays_can_be_cut_by_its_film_strip(
    served: Installation, page: Page, tmp_path: Path
) -> None:
    clip = make(tmp_path / "clip.mkv", codec="mpeg4", seconds=6, size=(540, 960))
    await open_editor(page, served, clip)
    await expect(page.get_by_text("This browser cannot play MPEG-4.")).to_be_visible()
    await page.get_by_label("End", exact=True).fill("0:03")
    await expect(page.locator("#checks")).to_contain_text("Where the result fits")
    await shoot(page, "editor-unplayable")


async def test_template_is_applied_and_edited(served: Installation, page: Page, clip: Path) -> None:
    base = await open_editor(page, served, clip)
    await page.get_by_label("16:9").check()
    await page.get_by_text("Save these settings as a template").click()
    await page.get_by_label("Name of the template").fill("Wide")
    await page.get_by_role("button", name="Save template").click()
    await expect(page.get_by_label("16:9")).to_be_checked()
    await page.goto(base + "/templates")
    await shoot(page, "editor-templates")
    assert await serious(page) == []
    await page.get_by_role("link", name="Wide").click()
    await page.get_by_label("Crop").check()
    await page.get_by_label("Focus from the left").fill("10")
    # A look of captions can be chosen, and is as before with one press.
    await page.get_by_label("Only their look").check()
    await page.get_by_text("Look and language").click()
    look = [page.locator(f"[id='captions.style.{name}']") for name in ("size", "color", "boxed", "outlined")]
    before = [await one.input_value() for one in look]
    await look[0].fill("9")
    await look[1].fill("#ff0000")
    await look[2].check()
    await look[3].uncheck()
    await shoot(page, "editor-look")
    await page.get_by_role("button", name="Use the default look").click()
    assert [await one.input_value() for one in look] == before
    await expect(look[2]).not_to_be_checked()
    await expect(look[3]).to_be_checked()
    assert await serious(page) == []
    await shoot(page, "editor-template")
    await page.get_by_role("button", name="Save template").click()
    await expect(page.get_by_text("16:9, cropped")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_editor_fits_every_screen_and_is_accessible(
    browser: Browser, served: Installation, page: Page, clip: Path, scheme: str
) -> None:
    await open_editor(page, served, clip)
    address = page.url
    for width, height in ((390, 800), (1280, 850)):
        screen = await browser.new_page(
            viewport={"width": width, "height": height}, has_touch=width < 500, color_scheme=scheme
        )
        await sign_in(screen, served, OWNER[1], OWNER[2])
        await screen.goto(address)
        await expect(screen.locator("#covers button")).to_have_count(12)
        await screen.get_by_label("1:1").check()
        await screen.get_by_label("Type them").check()
        for part in ("#watermark-part", "#more-part", "#template-part"):
            await screen.locator(f"{part} > summary").click()
        await expect(screen.locator("#checks")).to_contain_text("Type at least one caption")
        await shoot(screen, f"editor-{width}-{scheme}")
        assert await screen.evaluate(TOO_WIDE) == []
        assert await screen.evaluate(SQUEEZED) == []
        assert await serious(screen) == []
        await screen.close()
