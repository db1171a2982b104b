export type SvgAttributes = Readonly<Record<string, string | number>>;

/** An element that holds finished SVG, or nothing. */
export function element(name: string, attributes: SvgAttributes, content = ''): string {
  const words = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`);
  return content === '' ? `<${name}${words.join('')}/>` : `<${name}${words.join('')}>${content}</${name}>`;
}

export function text(content: string, attributes: SvgAttributes): string {
  return element('text', attributes, escapeXml(content));
}

export function escapeXml(raw: string): string {
  return raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
