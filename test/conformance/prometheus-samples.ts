// Reads samples out of Prometheus' text format, escapes in label values included.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples called `name`. */
export function parseSamples(text: string, name: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => {
      const labels: Record<string, string> = {};
      let end = name.length;
      if (line[end] === '{') {
        const pattern = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"[,}]/y;
        pattern.lastIndex = end + 1;
        for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
          labels[String(match[1])] = unescaped(String(match[2]));
          end = pattern.lastIndex;
        }
      }
      return { name, labels, value: Number(line.slice(end).trim().split(' ')[0]) };
    });
}

/** Count and mean of each series of a histogram. */
export function parseHistogram(text: string, name: string): { labels: Sample['labels']; count: number; mean: number }[] {
  const key = ({ labels }: Sample) => JSON.stringify(labels);
  const sums = new Map(parseSamples(text, `${name}_sum`).map((sample) => [key(sample), sample.value]));
  return parseSamples(text, `${name}_count`)
    .filter(({ value }) => value > 0)
    .map((sample) => ({ labels: sample.labels, count: sample.value, mean: (sums.get(key(sample)) ?? 0) / sample.value }));
}

function unescaped(value: string): string {
  return value.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
