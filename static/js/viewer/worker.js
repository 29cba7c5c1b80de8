// Starts Neuroglancer's worker, which loads and decodes all chunks, and tells the page of those that
// it could not use. Neuroglancer itself says so on the console only, and shows a coarser mag instead.

// Gone, damaged, or the server's own fault; 404 is an absent chunk, 503 is asked again.
const WITH_A_SENTENCE = new Set([409, 410, 422, 500]);
const REMEMBERED = 1000;
const FAILURE = /^Error retrieving chunk .*?:([\d,]+): /;

const script = new URL(self.location).searchParams.get("script");
const fetchPlainly = self.fetch;
const logPlainly = console.log;
const loaded = [];

self.fetch = async (...request) => {
  const response = await fetchPlainly(...request);
  if (WITH_A_SENTENCE.has(response.status)) {
    const body = await response.clone().json().catch(() => null);
    self.postMessage({ unreadable: { address: response.url, sentence: body?.messages?.[0]?.error } });
  } else if (response.ok) {
    loaded.push(response.url);
    if (loaded.length > REMEMBERED) loaded.shift();
  }
  return response;
};

// A chunk that arrives but can't be decoded: its place in the grid is all that is said.
console.log = (...values) => {
  logPlainly(...values);
  const place = FAILURE.exec(values[0])?.[1].split(",").reverse().join("/");
  for (const address of place ? loaded.filter((address) => address.endsWith(`/${place}`)) : []) {
    self.postMessage({ unreadable: { address } });
  }
};

// Neuroglancer finds its other files beside the address of its worker.
Object.defineProperty(self, "location", { value: new URL(script) });
importScripts(script);
