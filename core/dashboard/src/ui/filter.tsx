// One choice of a list's filter; it is in the address, so that it can be sent to someone.

interface Props {
  name: string;
  page: string;
  parameter: string;
  value: string;
  options: [value: string, word: string][];
}

export function Filter({name, page, parameter, value, options}: Props) {
  return (
    <nav class="segments" aria-label={`${name} filter`}>
      {options.map(([option, word]) => (
        <a
          key={option}
          href={`/#/${page}${option ? `?${parameter}=${option}` : ''}`}
          aria-current={option === value ? 'true' : undefined}
        >
          {word}
        </a>
      ))}
    </nav>
  );
}
