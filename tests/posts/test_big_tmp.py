import time, asyncio, resource
from clipcast.testing.harness import ACCOUNT, some_day
from tests.posts.test_plans import send

NAME = f"@{ACCOUNT}"


async def test_big(stage):
    await stage.connect("threads")
    await stage.connect("bluesky")
    edit = await stage.caller.upload(stage.clip)
    day = some_day()
    text = "edit_id,to,text,at,timezone\n" + "".join(
        f"{edit},threads:{NAME} bluesky:{NAME},Tide {i},{day} 18:00,Europe/Berlin\n" for i in range(10000)
    )
    bad = "edit_id,to\n" + "x,@b\n" * 10_000
    for name, t_, q in (("dry", text, {"dry_run": True}), ("create", text, {}), ("bad", bad, {})):
        done = asyncio.Event()
        gaps = []
        last = time.perf_counter()

        async def beat():
            nonlocal last
            while not done.is_set():
                await asyncio.sleep(0.002)
                gaps.append(time.perf_counter() - last)
                last = time.perf_counter()

        b = asyncio.create_task(beat())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        t = time.perf_counter()
        c = time.process_time()
        r = await send(stage.caller, t_, **q)
        done.set()
        await b
        print(
            "BIG",
            name,
            r.status_code,
            len(r.content),
            "wall %.1f" % (time.perf_counter() - t),
            "cpu %.1f" % (time.process_time() - c),
            "gaps",
            ["%.3f" % g for g in sorted(gaps)[-4:]],
            "rss",
            before,
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            flush=True,
        )
