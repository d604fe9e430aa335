// Reads back what a contender counted, from the text that it would serve at /metrics.

/** The sum of all samples of a metric in Prometheus' text format; exact name, any labels. */
export function sumOfSeries(text: string, name: string): number {
  let sum = 0;
  for (const line of text.split('\n')) {
    if (!line.startsWith(name)) continue;
    const rest = line.slice(name.length);
    if (rest.startsWith('{') || rest.startsWith(' ')) sum += Number(rest.slice(rest.lastIndexOf(' ')));
  }
  return sum;
}
