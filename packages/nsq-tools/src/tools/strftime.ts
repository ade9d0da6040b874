/** The part of strftime that nsq_to_file has, in local time: %B %b %m %A %a %d %H %I %M %S %Y %y %p %Z %z %%. */

const months = "January February March April May June July August September October November December".split(" ");
const days = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

const two = (value: number) => String(value).padStart(2, "0");

const parts: Readonly<Record<string, (date: Date) => string>> = {
  B: (date) => months[date.getMonth()]!,
  b: (date) => months[date.getMonth()]!.slice(0, 3),
  m: (date) => two(date.getMonth() + 1),
  A: (date) => days[date.getDay()]!,
  a: (date) => days[date.getDay()]!.slice(0, 3),
  d: (date) => two(date.getDate()),
  H: (date) => two(date.getHours()),
  I: (date) => two(date.getHours() % 12 === 0 ? 12 : date.getHours() % 12),
  M: (date) => two(date.getMinutes()),
  S: (date) => two(date.getSeconds()),
  Y: (date) => String(date.getFullYear()),
  y: (date) => two(date.getFullYear() % 100),
  p: (date) => (date.getHours() < 12 ? "AM" : "PM"),
  Z: zoneName,
  z: zoneOffset,
  "%": () => "%",
};

/** What is no part of it stays as it is. */
export function strftime(format: string, date: Date): string {
  return format.replace(/%(.)/g, (whole, letter: string) =>
    Object.hasOwn(parts, letter) ? parts[letter]!(date) : whole,
  );
}

function zoneName(date: Date): string {
  const found = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" }).formatToParts(date);
  return found.find((each) => each.type === "timeZoneName")?.value ?? "UTC";
}

function zoneOffset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}
