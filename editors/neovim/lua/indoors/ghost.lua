-- Ghost text: when it is asked for, for how long an answer counts, and what is accepted of it.
--
--   a key -> is what is shown still right here? -> yes: drawn again, nothing is asked
--                                               -> no:  gone at once, asked (the request before is cancelled)
--   an answer -> is the buffer still what was asked about, the cursor where it was? -> no: dropped
--
-- Nothing is debounced: the server decides when the model is asked. Who draws is exchangeable (`M.display`).

local builtin = require('indoors.builtin')
local clients = require('indoors.clients')
local events = require('indoors.events')
local offers = require('indoors.offers')
local put = require('indoors.put')
local text = require('indoors.text')
local uris = require('indoors.uris')

local cursor, fit = offers.cursor, offers.fit

local M = {}

local INVOKED, AUTOMATIC = 1, 2

---@class indoors.Buffer
---@field offer indoors.Offer?
---@field pending { client: vim.lsp.Client, id: integer?, kind: integer, turn: integer }?
---@field tick integer the changedtick that was looked at last
---@field row integer? where the cursor was then
---@field col integer?
---@field reported table<string, true> what was reported as shown since the last clear
---@field asked { tick: integer, row: integer, col: integer, kind: integer }?

---@type table<integer, indoors.Buffer>
local buffers = {}

--- Who draws: `draw(shown, offer)` and `clear(buffer)`.
M.display = require('indoors.display')

--- Whether ghost text is kept back here: paused, or a completion menu is open.
---@type fun(buffer: integer): boolean
M.is_paused = function() return false end
--- Say so to a person who asks with a key.
M.tell_paused = function(_) end
---@type fun(): boolean
M.is_covered = function() return false end

--- Insert mode, not replace mode, nobody replays a macro, and the cursor is where text is: with 'virtualedit' it may be
--- where none is, and what is inserted would stand elsewhere.
local function is_inserting()
  if vim.api.nvim_get_mode().mode:sub(1, 1) ~= 'i' or vim.fn.reg_executing() ~= '' then return false end
  return vim.fn.getcurpos()[4] == 0
end

---@param buffer integer
local function cancel(buffer)
  local state = buffers[buffer]
  local pending = state and state.pending
  if not pending then return end
  state.pending = nil
  if pending.id and not pending.client:is_stopped() then pending.client:cancel_request(pending.id) end
end

--- Forget what is shown and what is asked.
---@param buffer integer
function M.clear(buffer)
  cancel(buffer)
  local state = buffers[buffer]
  if not state then return end
  state.offer, state.reported = nil, {}
  M.display.clear(buffer)
end

--- What is shown in a buffer, if it is right at the cursor.
---@param buffer integer
---@return indoors.Fit?, indoors.Offer?
local function current(buffer)
  local state = buffers[buffer]
  local offer = state and state.offer
  if not offer or offer.is_dismissed or vim.api.nvim_get_current_buf() ~= buffer then return end
  local found = fit(buffer, offer) -- where all of it is behind the cursor already, there is nothing to see
  if found and found.rest ~= found.tail then return found, offer end
end

---@param offer indoors.Offer
---@param method string
---@param more table?
local function report(offer, method, more)
  local client = vim.lsp.get_client_by_id(offer.client_id)
  if not client or client:is_stopped() then return end
  local params = vim.tbl_extend('error', { item = offer.items[offer.index].raw }, more or {})
  client:notify('textDocument/' .. method, params)
end

---@param buffer integer
local function draw(buffer)
  local found, offer = current(buffer)
  if not found or not offer or M.is_covered() then return M.display.clear(buffer) end
  local n = #offer.items
  M.display.draw({
    buffer = buffer,
    row = found.row,
    col = found.col,
    rest = found.rest,
    tail = found.tail,
    after = offer.after,
    hint = n > 1 and (' %d/%d'):format(offer.index, n) or '',
  }, offer)
  local state, identity = buffers[buffer], offers.identity(offer)
  if not state.reported[identity] then
    state.reported[identity] = true
    report(offer, 'didShowCompletion')
  end
end

---@param buffer integer
---@return vim.lsp.Client?
function M.client(buffer)
  local client = clients.of(buffer)
  return client and client.server_capabilities.inlineCompletionProvider and client or nil
end

--- Ask for suggestions at the cursor. `step`: which alternative to choose among the answer's, from the one shown.
---@param kind integer
---@param step integer?
function M.ask(kind, step)
  local buffer = vim.api.nvim_get_current_buf()
  local state, client = buffers[buffer], M.client(buffer)
  cancel(buffer)
  if not state or not client then return end
  if M.is_paused(buffer) then
    if kind == INVOKED then M.tell_paused(buffer) end
    return
  end
  local row, col = cursor()
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = kind }
  params.formattingOptions = { tabSize = vim.lsp.util.get_effective_tabstop(), insertSpaces = vim.bo.expandtab }
  local asked = { tick = vim.api.nvim_buf_get_changedtick(buffer), row = row, col = col, kind = kind }
  local pending = { client = client, kind = kind }
  state.pending, state.asked = pending, asked
  local is_sent, id = builtin.ask(client, params, function(failure, result)
    if state.pending ~= pending then return end -- cancelled, or overtaken
    state.pending = nil
    if failure then return end
    M.answered(buffer, client, result, asked, step)
  end, buffer)
  if is_sent and state.pending == pending then
    pending.id = id
  elseif not is_sent then
    state.pending = nil
  end
end

--- Whether an answer still counts: same text, same place, and somebody is inserting there.
---@param buffer integer
---@param asked { tick: integer, row: integer, col: integer }
function M.is_fresh(buffer, asked)
  if vim.api.nvim_get_current_buf() ~= buffer or not is_inserting() then return false end
  local row, col = cursor()
  return vim.api.nvim_buf_get_changedtick(buffer) == asked.tick and row == asked.row and col == asked.col
end

--- An answer came.
---@param buffer integer
---@param client vim.lsp.Client
---@param result table?
---@param asked { tick: integer, row: integer, col: integer, kind: integer }
---@param step integer?
function M.answered(buffer, client, result, asked, step)
  local state = buffers[buffer]
  if not state or not M.is_fresh(buffer, asked) then return end
  local offer = offers.read(buffer, client, result, asked.kind)
  if not offer then return end -- what is shown, if anything is, was right until now and still is
  local shown = current(buffer)
  if shown then
    -- What is read already stays where it is in the list.
    for number, item in ipairs(offer.items) do
      if vim.startswith(item.text, shown.typed .. shown.rest) then
        offer.index = number
        break
      end
    end
  end
  offer.index = (offer.index - 1 + (step or 0)) % #offer.items + 1
  state.offer = offer
  draw(buffer)
end

--- The screen column that <Up> and <Down> go by was set when virtual text stood left of the cursor: set it again.
---@param buffer integer
local function forget_ghost_column(buffer)
  M.display.clear(buffer)
  if vim.fn.getcurpos()[5] ~= vim.v.maxcol then vim.fn.winrestview({ curswant = vim.fn.virtcol('.') - 1 }) end
end

--- Look again after a key, a move or a change of the menu.
---@param buffer integer
---@param may_ask boolean
function M.update(buffer, may_ask)
  local state = buffers[buffer]
  if not state or vim.api.nvim_get_current_buf() ~= buffer then return end
  local tick = vim.api.nvim_buf_get_changedtick(buffer)
  local has_changed = tick ~= state.tick
  state.tick = tick
  if not is_inserting() or M.is_paused(buffer) then return M.clear(buffer) end
  local row, col = cursor()
  local has_moved = row ~= state.row or col ~= state.col
  -- Over a bracket that was closed automatically; any other move leaves a suggestion.
  local is_right = row == state.row and col > (state.col or col)
  state.row, state.col = row, col
  if not (has_changed or has_moved or may_ask) then return end -- the same key, told twice
  local offer = state.offer
  if offer and is_right and not has_changed then forget_ghost_column(buffer) end
  local found = offer and fit(buffer, offer)
  if found and found.rest ~= '' and (has_changed or not has_moved or is_right) then
    if state.pending and not M.is_fresh(buffer, state.asked) then cancel(buffer) end
    draw(buffer)
  elseif may_ask and not has_changed and state.pending and M.is_fresh(buffer, state.asked) then
    return -- a menu closed while the answer for just this place is on its way
  elseif has_changed or may_ask or offer then
    M.clear(buffer)
    if (has_changed or may_ask) and not M.is_covered() then M.ask(AUTOMATIC) end
  elseif state.pending and not M.is_fresh(buffer, state.asked) then
    cancel(buffer)
  end
end

--- The server has more than it answered: ask again, unless the cursor has moved since.
---@param client vim.lsp.Client
---@param params { textDocument: { uri: string, version: integer } }
function M.more(client, params)
  local buffer = uris.buffer(params.textDocument.uri)
  local state = buffer and buffers[buffer]
  if not state or not state.asked or state.pending or not M.is_fresh(buffer, state.asked) then return end
  if vim.lsp.util.buf_versions[buffer] ~= params.textDocument.version then return end
  if state.offer and (state.offer.is_dismissed or state.offer.client_id ~= client.id) then return end
  if M.is_covered() or M.is_paused(buffer) then return end
  M.ask(state.asked.kind)
end

--- Put the first `piece` of what is shown into the buffer.
---@param buffer integer
---@param piece string
---@param found indoors.Fit
---@param offer indoors.Offer
local function insert(buffer, piece, found, offer)
  local is_all = piece == found.rest
  local n_gone = is_all and #found.tail or 0
  if not is_all then -- what the piece repeats of the tail is not there twice
    local offsets = text.align(found.rest, found.tail).offsets
    for number, one in ipairs(vim.fn.split(found.tail, '\\zs')) do
      if offsets[number] < #piece then n_gone = n_gone + #one end
    end
  end
  put.piece(buffer, found, piece, n_gone)
  local client = vim.lsp.get_client_by_id(offer.client_id)
  if is_all then
    local command = offer.items[offer.index].raw.command
    if client and command and not client:is_stopped() then client:exec_cmd(command, { bufnr = buffer }) end
    M.clear(buffer)
  else
    report(offer, 'didPartiallyAcceptCompletion', { acceptedLength = offers.length(offer, found.typed .. piece) })
    local state = buffers[buffer]
    state.tick = vim.api.nvim_buf_get_changedtick(buffer)
    state.row, state.col = cursor()
    draw(buffer)
  end
end

--- Accept what `piece_of` cuts from what is shown; false if nothing is shown. Also in an `expr` mapping, and before any
--- key that came together with this one.
---@param piece_of fun(rest: string): string
---@return boolean
function M.accept(piece_of)
  local buffer = vim.api.nvim_get_current_buf()
  local _, offer = current(buffer)
  if not offer or not M.is_visible() or not vim.bo[buffer].modifiable then return false end
  put.soon(function()
    local found = fit(buffer, offer)
    local piece = found and piece_of(found.rest) or ''
    if found and piece ~= '' then insert(buffer, piece, found, offer) end
  end)
  return true
end

--- Whether ghost text is on the screen at the cursor.
---@return boolean
function M.is_visible()
  return is_inserting() and not M.is_covered() and current(vim.api.nvim_get_current_buf()) ~= nil
end

--- What is on the screen, or nil.
---@return { text: string, index: integer, count: integer }?
function M.shown()
  local found, offer = current(vim.api.nvim_get_current_buf())
  if found and offer and M.is_visible() then
    return { text = found.rest, index = offer.index, count = #offer.items }
  end
end

--- Show another alternative. An answer that came while typing has one item; then all are asked for.
---@param step integer
---@return boolean
function M.choose(step)
  local buffer = vim.api.nvim_get_current_buf()
  local _, offer = current(buffer)
  if not is_inserting() or not M.client(buffer) then return false end
  if not offer or offer.kind ~= INVOKED then
    M.ask(INVOKED, offer and step or 0)
    return true
  end
  -- Only those that go on from what was typed.
  for _ = 1, #offer.items do
    offer.index = (offer.index - 1 + step) % #offer.items + 1
    local found = fit(buffer, offer)
    if found and found.rest ~= '' then break end
  end
  draw(buffer)
  return true
end

--- Hide what is shown until something else is typed; false if nothing is.
---@return boolean
function M.dismiss()
  local buffer = vim.api.nvim_get_current_buf()
  local was_visible = M.is_visible()
  local state = buffers[buffer]
  if state and (state.offer or state.pending) then
    cancel(buffer)
    if state.offer then state.offer.is_dismissed = true end
    M.display.clear(buffer)
  end
  return was_visible
end

--- Ask now, as with a key: also where `completion.automatic` is off. Up to three answers.
---@return boolean
function M.invoke()
  local buffer = vim.api.nvim_get_current_buf()
  if not is_inserting() or not M.client(buffer) then return false end
  M.ask(INVOKED)
  return true
end

--- Begin in a buffer.
---@param buffer integer
function M.attach(buffer)
  if buffers[buffer] then return end
  local state = { tick = vim.api.nvim_buf_get_changedtick(buffer), reported = {} }
  buffers[buffer] = state
  events.listen(buffer, {
    update = function(may_ask) M.update(buffer, may_ask) end,
    clear = function() M.clear(buffer) end,
    redraw = function()
      if vim.api.nvim_get_current_buf() == buffer and M.is_visible() then draw(buffer) end
    end,
    menu_changed = M.menu_opened,
    menu_closed = M.menu_closed,
    lines_changed = function(...)
      if state.offer then offers.lines_changed(state.offer, ...) end
    end,
    gone = function() M.detach(buffer) end,
    is_current = function() return buffers[buffer] == state end,
  })
end

--- A completion menu opened.
function M.menu_opened()
  if M.is_covered() then M.display.clear(vim.api.nvim_get_current_buf()) end
end

--- A completion menu closed: once it is gone, ghost text may come back.
function M.menu_closed()
  vim.schedule(function() M.update(vim.api.nvim_get_current_buf(), true) end)
end

---@param buffer integer
function M.detach(buffer)
  if not buffers[buffer] then return end
  M.clear(buffer)
  buffers[buffer] = nil
  builtin.forget(buffer)
  events.ignore(buffer)
end

return M
