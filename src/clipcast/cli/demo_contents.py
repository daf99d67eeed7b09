"""What fills the demo's workspace: clients, their accounts, and posts of several weeks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from typing import Any


@dataclass(frozen=True)
class Customer:
    """A client: its time zone, its colour, its accounts, and its posting times on each weekday from Monday."""

    name: str
    color: int
    timezone: str
    account: str
    platforms: tuple[str, ...]
    times: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Plan:
    """A post: scenes with a caption each for some of a client's platforms, `day` days from today at a local time.

    Without `platforms`, it goes to all accounts of its client. A day of the past is one on which it went out.
    """

    customer: str
    scenes: tuple[str, ...]
    day: int
    at: time
    platforms: tuple[str, ...]
    title: str
    caption: str


@dataclass(frozen=True)
class Trouble:
    """A post that does not go well, and what the simulated platform does: flags of the account, or a fault."""

    plan: Plan
    platform: str
    flags: dict[str, Any] = field(default_factory=dict)
    fault: dict[str, Any] = field(default_factory=dict)


HARBOUR, PLANTS, COFFEE = "Harbour Films", "Casa Verde Plants", "Northside Coffee"
ALL: tuple[str, ...] = ()
MORNING, NOON, EVENING = time(9, 0), time(12, 15), time(18, 30)
SOCIAL = ("instagram", "tiktok", "threads", "bluesky")
WIDE = ("youtube", "instagram", "facebook", "linkedin")

# The first client has an account on every platform: the one that the demo publishes to first.
CUSTOMERS = (
    Customer(HARBOUR, 4, "Europe/Lisbon", "harbour.films", (), (("12:15", "18:30"),) * 5 + (("11:00",), ("18:30",))),
    Customer(PLANTS, 6, "Europe/Madrid", "casaverde.plants", ("instagram", "pinterest"), (("09:00",), ()) * 3 + ((),)),
    Customer(COFFEE, 2, "Europe/Dublin", "northside.coffee", ("instagram", "tiktok"), (("09:00",),) * 5 + ((), ())),
)

HISTORY = (
    Plan(HARBOUR, ("city",), -13, EVENING, SOCIAL, "Last train over the river",
         "23:41. The last train takes the long way home. #nightshift #city"),
    Plan(PLANTS, ("leaves",), -11, MORNING, ALL, "How much water is too much?",
         "Finger in the soil, two knuckles deep. Dry? Water it. Wet? Walk away. #plantcare"),
    Plan(COFFEE, ("coffee",), -10, MORNING, ALL, "Flat white, slowly",
         "Ninety seconds of quiet before the doors open. #flatwhite"),
    Plan(HARBOUR, ("morning",), -9, NOON, WIDE, "Five ridges, one sunrise",
         "We climbed at four so that you do not have to. #mountains #timelapse"),
    Plan(COFFEE, ("rain",), -7, MORNING, ALL, "The window seat is free",
         "It rains, we have blankets. The window seat is free until eleven."),
    Plan(PLANTS, ("leaves",), -5, MORNING, ALL, "New in: monstera, waist high",
         "Forty monsteras came in this morning. Thirty-one are left. #monstera #newin"),
    Plan(HARBOUR, ("harbour",), -4, EVENING, SOCIAL, "Before the boats go out",
         "Six minutes of sun, six seconds of film. #harbour #goldenhour"),
    Plan(COFFEE, ("coffee",), -2, MORNING, ALL, "Our winter blend",
         "Plum, cocoa, a little smoke. Our winter blend is on the shelf today. #winterblend"),
    Plan(HARBOUR, ("city", "rain"), -1, EVENING, ("youtube", "facebook"), "Two nights, one city",
         "Dry on Tuesday, soaked on Thursday. Which one are you? #citynights"),
)  # fmt: skip

# Of today: these go out while the demo fills its workspace.
TODAY = (
    Plan(HARBOUR, ("morning",), 0, EVENING, ("bluesky", "threads", "instagram"), "Up before the birds",
         "Almost before the birds. #morning #hills"),
)  # fmt: skip

AHEAD = (
    Plan(HARBOUR, ("harbour",), 1, EVENING, SOCIAL, "First light, long version",
         "The long version of first light. Sound on: the gulls are awake. #harbour"),
    Plan(PLANTS, ("leaves",), 2, MORNING, ALL, "Rain is the best shower",
         "Put your palms out in the rain. They have waited all week for this. #plantcare"),
    Plan(COFFEE, ("coffee",), 2, MORNING, ALL, "Latte art, frame by frame",
         "One pour, no tricks. Slow it down and look for the heart. #latteart"),
    Plan(HARBOUR, ("city",), 3, NOON, WIDE, "Every window is a story",
         "Count the windows that come on. Answers below. #city #night"),
    Plan(COFFEE, ("rain",), 4, MORNING, ALL, "Rainy day menu",
         "Ginger cake, hot chocolate, and a seat by the window. #rainyday"),
    Plan(PLANTS, ("leaves",), 4, MORNING, ALL, "Three plants for dark rooms",
         "No window, no problem: three plants that like it dim. #houseplants"),
    Plan(HARBOUR, ("morning",), 5, EVENING, ("youtube", "bluesky", "threads"), "What fog does to sound",
         "Listen: fog takes the high notes first. #fieldrecording"),
    Plan(HARBOUR, ("harbour", "city"), 6, EVENING, ("instagram", "facebook", "tiktok"), "A day on the water",
         "Morning and night from the same spot. #harbour #oneday"),
    Plan(COFFEE, ("coffee",), 7, MORNING, ALL, "Barista class on Saturday",
         "Six places, one machine, three hours. Link in the profile. #barista"),
    Plan(PLANTS, ("leaves",), 9, MORNING, ALL, "Repotting week",
         "Bring your pot, we bring the soil. All week, no appointment. #repotting"),
    Plan(HARBOUR, ("city",), 8, NOON, WIDE, "Behind the tripod",
         "How we film a train that is never on time. #behindthescenes"),
    Plan(COFFEE, ("rain",), 10, MORNING, ALL, "Open late on Thursdays",
         "Thursdays until ten. The street looks best after dark anyway."),
    Plan(HARBOUR, ("morning",), 12, EVENING, SOCIAL, "Print sale",
         "Five frames of this film as prints. Twenty of each. #prints"),
    Plan(PLANTS, ("leaves",), 13, MORNING, ALL, "Winter hours",
         "From December we open at ten. The plants insist. #winter"),
)  # fmt: skip

# The library: the scenes of folders, and their labels.
FOLDERS = {"By the water": ("harbour", "city"), "Rainy days": ("leaves", "rain")}
LABELS = {"morning": ("calm",), "harbour": ("calm", "opener"), "coffee": ("hands",), "leaves": ("opener",)}
DRAFTS = (
    Plan(HARBOUR, ("harbour", "morning"), 0, EVENING, ("instagram", "tiktok"), "Light, twice",
         "Sea or mountains? Tell us where to film next."),
    Plan(PLANTS, ("leaves",), 0, EVENING, ALL, "",
         "Ask us anything about yellow leaves: "),
    Plan(COFFEE, ("coffee", "rain"), 0, EVENING, ("instagram",), "Two reasons to stay",
         ""),
)  # fmt: skip

# In this order: the last one ends a sign-in that an earlier one needs.
TROUBLES = (
    Trouble(
        Plan(PLANTS, ("leaves",), 0, EVENING, ALL, "Why leaves drip",
             "It is called guttation, and it means that your plant is happy. #botany"),
        "instagram",
        flags={"container_failure": "2207026", "container_failure_times": 1},
    ),
    Trouble(
        Plan(HARBOUR, ("rain",), 0, EVENING, ("linkedin", "bluesky"), "A commission for a rainy week",
             "A café asked for rain. It rained. #commission"),
        "linkedin",
        fault={"request": "post", "when": "after", "kind": "status", "status": 504},
    ),
    Trouble(
        Plan(COFFEE, ("rain",), 0, EVENING, ("tiktok",), "Rain on the window seat",
             "Best seat in the house today. #rain"),
        "tiktok",
        flags={"daily_cap_reached": True},
    ),
    Trouble(
        Plan(PLANTS, ("leaves",), 0, EVENING, ("pinterest",), "A board for dark corners",
             "Fourteen plants for dark corners, on one board."),
        "pinterest",
        flags={"revoked": True},
    ),
)  # fmt: skip
