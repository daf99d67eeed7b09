// The calendar page. Times are in the viewer's zone, which can differ from the browser's.

const place = document.getElementById("calendar");
const { postsAt, compose, zone, editor } = { ...place.dataset, editor: "editor" in place.dataset };

function notify(text) {
  const notice = document.createElement("p");
  notice.className = "notice bad";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  document.getElementById("notices").replaceChildren(notice);
}

async function moved({ event, revert }) {
  const response = await fetch(`${postsAt}/${event.id}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ scheduled_at: event.start.toISOString(), version: event.extendedProps.version }),
  });
  if (response.status === 401) document.body.dispatchEvent(new CustomEvent("sign-in-needed", { bubbles: true }));
  const body = await response.json().catch(() => ({}));
  if (response.ok) {
    event.setExtendedProp("version", body.version);
    return;
  }
  revert();
  if (response.status === 412) calendar.refetchEvents();
  notify(body.detail ?? "The post was not moved. Try again.");
}

const calendar = new FullCalendar.Calendar(place, {
  timeZone: zone,
  initialView: matchMedia("(max-width: 48rem)").matches ? "timeGridDay" : "dayGridMonth",
  headerToolbar: { start: "prev,next today", center: "title", end: "dayGridMonth,timeGridWeek,timeGridDay" },
  height: "auto",
  todayHint: () => "Today", // screen readers read the written word
  firstDay: 1,
  dayMaxEvents: 4,
  nowIndicator: true,
  eventTimeFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
  eventDurationEditable: false,
  editable: editor,
  defaultTimedEventDuration: "00:30",
  events: (span, done, failed) =>
    fetch(`${postsAt}?start=${encodeURIComponent(span.start.toISOString())}&end=${encodeURIComponent(span.end.toISOString())}`)
      .then((response) => (response.ok ? response.json() : Promise.reject(new Error(response.statusText))))
      .then(done, failed),
  eventClass: ({ event }) => `post-${event.extendedProps.status}`,
  eventDrop: moved,
  dateClick: ({ dateStr }) => {
    if (editor) location.href = `${compose}?at=${dateStr.length > 10 ? dateStr.slice(0, 16) : `${dateStr}T12:00`}`;
  },
});
calendar.render();
document.body.addEventListener("refresh", () => calendar.refetchEvents());
