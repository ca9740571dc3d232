// Uploads with progress: fetch has none, so this is XMLHttpRequest.

// send returns {done, cancel}. done resolves to {status, redirect, html, json()}; it rejects with a sentence, or with cancelled set.
export function send(method, url, body, progress, headers = {}) {
  const xhr = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / (e.total || 1), e.loaded, e.total);
    xhr.onload = () => {
      const answer = { status: xhr.status, redirect: xhr.getResponseHeader("HX-Redirect"), html: xhr.responseText, json: () => JSON.parse(xhr.responseText) };
      if (xhr.status < 400 || xhr.status === 422 || xhr.status === 409) resolve(answer);
      else reject(new Error(sentenceOf(xhr)));
    };
    xhr.onerror = () => reject(new Error("The upload broke off. Check the connection and try again."));
    xhr.onabort = () => reject(Object.assign(new Error("cancelled"), { cancelled: true }));
    xhr.send(body);
  });
  return { done, cancel: () => xhr.abort() };
}

// sentenceOf finds what the server says, be it JSON, a page or nothing.
export function sentenceOf(xhr) {
  try {
    return JSON.parse(xhr.responseText).error.message;
  } catch {
    const page = new DOMParser().parseFromString(xhr.responseText ?? "", "text/html");
    return page.querySelector(".toast p, .lead")?.textContent ?? `The server refused this (${xhr.status}).`;
  }
}
