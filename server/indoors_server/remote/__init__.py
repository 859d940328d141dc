"""Engines elsewhere behind the engine protocol: what the server says to them, and makes of answers.

    engine     `types.Engine` over one or several servers: sticky, failing over inside its rule
    servers    what is known of each server: health, speeds, what it can do
    probe      asks a server what it is; carries no code
    dialects   a prompt to a request's body, an answer's events to text   (vLLM, llama-server, …)
    talk       a prompt to the messages of a chat, for servers that take no raw prompt
    prompt     the parts of a job, clipped to a size nobody can count exactly from here
    estimate   that size: never less than the tokens there are
    plain      file text that looks like a control token is made text again
    events     bytes of an answer to JSON values
    answer     pieces of text to what a reader of an engine sees: stops, beginnings, line ends
    faults     every way in which there is no answer, and what to do about it

Nothing here opens a connection: all goes through a `door.Door`, and everything but `engine`,
`servers` and `probe` is pure. A server's answer is untrusted text, as a model's always is.
"""
