// Documentation as the contract and the plugins write it: paragraphs with **bold** and `code`.
import type {JSX} from 'preact';

function inline(text: string): (string | JSX.Element)[] {
  return text.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((part) => {
    if (part.startsWith('**')) return <strong>{part.slice(2, -2)}</strong>;
    return part.startsWith('`') && part.length > 1 ? <code>{part.slice(1, -1)}</code> : part;
  });
}

export const Inline = ({text}: {text: string}) => <>{inline(text)}</>;

export function Prose({text}: {text: string}) {
  return (
    <>
      {text.split(/\n\s*\n/).map((paragraph, i) => (
        <p class="doc" key={i}>
          {inline(paragraph)}
        </p>
      ))}
    </>
  );
}
