// Signs that stand beside words, drawn in the colour of the text around them.

const PATHS = {
  check: 'M3.5 8.5l3 3 6-7',
  cross: 'M4 4l8 8M12 4l-8 8',
  warning: 'M8 2.5l6 11H2zM8 6.5v3.2M8 11.4v.4',
  critical: 'M5.4 2h5.2L14 5.4v5.2L10.6 14H5.4L2 10.6V5.4zM8 5v3.6M8 10.7v.4',
  info: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 7.4v3.6M8 4.9v.4',
  clock: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 4.8V8l2.4 1.6',
  work: 'M13 8a5 5 0 11-1.6-3.7M13.2 2.2v2.9h-2.9',
  person: 'M8 8a2.6 2.6 0 100-5.2A2.6 2.6 0 008 8zM3 13.6c.5-2.6 2.5-3.8 5-3.8s4.5 1.2 5 3.8',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  off: 'M8 2v5.5M4.6 4.2a5.2 5.2 0 106.8 0',
  dash: 'M4 8h8',
  ring: 'M8 3.5a4.5 4.5 0 100 9 4.5 4.5 0 000-9z',
  eye: 'M1.8 8S4 4 8 4s6.2 4 6.2 4S12 12 8 12 1.8 8 1.8 8zM8 6.4a1.6 1.6 0 100 3.2 1.6 1.6 0 000-3.2z',
  shield: 'M8 2l5 1.8v3.7c0 3.2-2 5.4-5 6.5-3-1.1-5-3.3-5-6.5V3.8z',
  pulse: 'M1.5 8.5h3l1.6-4 2.6 7.5 1.6-3.5h4.2',
  forecast: 'M2 12.5l4-4 2.4 2.2L14 4.5M10.5 4.2H14v3.5',
  home: 'M2.5 7.5L8 3l5.5 4.5M4 6.6V13h8V6.6',
  list: 'M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.2M2.5 8h.2M2.5 12h.2',
  box: 'M2.5 5L8 2.3 13.5 5v6L8 13.7 2.5 11zM2.5 5L8 7.7 13.5 5M8 7.7v6',
  flow: 'M2 4h4v3H2zM10 9h4v3h-4zM6 5.5h2a2 2 0 012 2v.5a2 2 0 002 1',
  plug: 'M5.5 2.5v3M10.5 2.5v3M3.8 5.5h8.4v2.3A4.2 4.2 0 018 12a4.2 4.2 0 01-4.2-4.2zM8 12v2',
  file: 'M4 2h5l3 3v9H4zM9 2v3h3M6 8.5h4M6 11h4',
  book: 'M3 3h4a1.5 1.5 0 011 .6V13a1.6 1.6 0 00-1-.5H3zM13 3H9a1.5 1.5 0 00-1 .6V13a1.6 1.6 0 011-.5h4z',
  play: 'M5 3.2l7.5 4.8L5 12.8z',
  mute: 'M2.5 6v4h2.6L9 13V3L5.1 6zM11.3 6.2l3.2 3.6M14.5 6.2l-3.2 3.6',
  down: 'M4 6.5l4 4 4-4',
  sun: 'M8 5.2a2.8 2.8 0 100 5.6 2.8 2.8 0 000-5.6zM8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1',
  moon: 'M13 9.6A5.4 5.4 0 016.4 3 5.4 5.4 0 1013 9.6z',
  auto: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 2v12M10 3.5v9M12 5v6',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  help: 'M8 2a6 6 0 100 12A6 6 0 008 2zM6.3 6.4A1.8 1.8 0 118 8.4v.9M8 11.2v.3',
  link: 'M9.5 3H13v3.5M13 3L7.5 8.5M6.5 4H3.5v8.5H12v-3',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({name}: {name: IconName}) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
