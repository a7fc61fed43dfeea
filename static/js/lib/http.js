// JSON requests to our own server. Every failure becomes a RequestError with a sentence that people can act on.

export class RequestError extends Error {
  constructor({ code, message, status = 0, field = "", retryAfter = 0, body = {} }) {
    super(message)
    Object.assign(this, { code, status, field, retryAfter, body })
  }

  get isOffline() {
    return this.code === "offline"
  }
}

/** Sends `body` as JSON and returns the JSON answer; throws RequestError. */
export async function requestJson(method, url, options) {
  return parsed(await request(method, url, options))
}

/** Sends `body` as JSON and returns { bytes, headers } of the answer; throws RequestError. */
export async function requestBytes(method, url, options) {
  const response = await request(method, url, options)
  return { bytes: await response.arrayBuffer(), headers: response.headers }
}

async function request(method, url, { body, headers = {}, keepalive = false, signal } = {}) {
  const response = await send(url, {
    method,
    keepalive,
    signal,
    credentials: "same-origin",
    headers: { Accept: "application/json", ...writeHeaders(method), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  if (response.ok && !response.redirected) return response
  throw refusal(response, await parsed(response))
}

function writeHeaders(method) {
  if (method === "GET") return {}
  const token = document.querySelector('meta[name="csrf-token"]')?.content ?? ""
  return { "Content-Type": "application/json", "X-CSRFToken": token }
}

async function send(url, options) {
  try {
    return await fetch(url, options)
  } catch (error) {
    if (error.name === "AbortError") throw error
    throw new RequestError({ code: "offline", message: "The server cannot be reached. Check the connection." })
  }
}

async function parsed(response) {
  try {
    return await response.json()
  } catch {
    return {}
  }
}

function refusal(response, body) {
  // The server sends signed-out people to the sign-in page; fetch follows and meets HTML.
  if (response.redirected) return new RequestError({ code: "signed_out", status: 401, message: "You are signed out." })
  const { code = "server_error", message = `The server answered ${response.status}.`, field = "" } = body.error ?? {}
  const retryAfter = Number(response.headers.get("Retry-After")) || 0
  return new RequestError({ code, message, field, retryAfter, body, status: response.status })
}
