// What was measured in the last five minutes, kept in the page. Only changes are kept: a value holds until the next one.
export const kept = 300; // seconds

export class History {
  constructor() {
    this.of = new Map(); // by name: [seconds, value], oldest first
    this.watched = []; // [from, to] in seconds; to is null while it goes on
  }

  // resume and pause tell when something is measured. What lies between is unknown.
  resume(now) {
    if (this.watched.at(-1)?.[1] !== null) this.watched.push([now, null]);
    this.watched = this.watched.filter(([, to]) => to === null || to > now - kept);
  }

  pause(now) {
    const last = this.watched.at(-1);
    if (last?.[1] === null) last[1] = now;
  }

  put(name, now, value) {
    const list = this.of.get(name) ?? [];
    if (!list.length) this.of.set(name, list);
    list.push([now, value]);
    while (list.length > 1 && list[1][0] < now - kept) list.shift();
  }

  // read gives a value for each second up to now: null where nobody watched.
  read(name, now, pick) {
    const list = this.of.get(name) ?? [];
    const out = new Array(kept + 1).fill(null);
    let at = -1;
    let span = 0;
    for (let i = 0; i <= kept; i++) {
      const t = now - kept + i;
      while (at + 1 < list.length && list[at + 1][0] <= t) at++;
      while (span < this.watched.length && this.watched[span][1] !== null && this.watched[span][1] < t) span++;
      const [from, to] = this.watched[span] ?? [Infinity, 0];
      if (from <= t && (to === null || t <= to)) out[i] = at < 0 ? 0 : pick(list[at][1]);
    }
    return out;
  }
}
