// Times as web/edit_form.py reads and shows them: 1:05.5.

export function readSeconds(text) {
  const match = /^(?:(?:(\d{1,2}):)?(\d{1,3}):)?(\d{1,6}(?:[.,]\d{1,6})?)$/.exec(text.trim());
  if (!match) return null;
  return Number(match[1] ?? 0) * 3600 + Number(match[2] ?? 0) * 60 + Number(match[3].replace(",", "."));
}

export function showSeconds(seconds, digits = 3) {
  const milliseconds = Math.round(Math.max(0, seconds) * 1000);
  const minutes = Math.floor(milliseconds / 60000);
  const rest = milliseconds % 60000;
  const parts = String(rest % 1000).padStart(3, "0").slice(0, digits).replace(/0+$/, "") || "0";
  const text = `${String(Math.floor(rest / 1000)).padStart(2, "0")}.${parts}`;
  return minutes < 60 ? `${minutes}:${text}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${text}`;
}
