-- Neovim 0.12 draws ghost text itself (`vim.lsp.inline_completion`). Here it draws what `ghost` decides.
--
-- Neovim's own part asks 200 ms after a key, shows an answer whether or not it still fits, and replaces the range that
-- was asked about even if somebody has typed in it since. So its requests to our server are answered from here, and it
-- is told again what to show after each key: with the range as it is now, or nothing. Its `get()` and `select()`, and
-- mappings that use them, work as its help says; what `select()` shows is what is accepted, by our keys too. Only its
-- documented functions and a client's own `request` are used.

local offers = require('indoors.offers')
local uris = require('indoors.uris')
local view = require('indoors.view')

local M = {}

local METHOD = 'textDocument/inlineCompletion'

---@type table<integer, { client: vim.lsp.Client, told: fun(failure: any, result: any, context: table) }>
local tellers = {}
---@type table<integer, true> buffers where Neovim's part was made to ask
local nudged = {}
---@class indoors.Told
---@field drawn indoors.Shown
---@field offer indoors.Offer
---@field items table<integer, table> by number in the offer: as they would be answered

---@type table<integer, indoors.Told> what each buffer shows
local shown = {}

--- Whether this Neovim can draw ghost text.
function M.is_there() return vim.lsp.inline_completion ~= nil end

--- Neovim does not say what a window has no room for.
---@param buffer integer
local function say_cut(buffer)
  local has = shown[buffer]
  -- It may be somewhere else by now, where text was changed and no key has told yet.
  if has and vim.api.nvim_get_current_buf() == buffer then pcall(view.draw_cut, has.drawn) end
end

---@param buffer integer
local function tell(buffer)
  local teller = tellers[buffer]
  if not teller or not vim.lsp.inline_completion.is_enabled({ bufnr = buffer }) then return end
  local context = { client_id = teller.client.id, bufnr = buffer, method = METHOD }
  local has, items = shown[buffer], {}
  if has then -- it shows the first of them
    local n = #has.offer.items
    for number = 0, n - 1 do
      table.insert(items, has.items[(has.offer.index - 1 + number) % n + 1])
    end
  end
  -- It may have been switched off and on since it asked: then it has forgotten that request.
  if pcall(teller.told, nil, { items = items }, context) then say_cut(buffer) end
end

---@param buffer integer
---@param row integer
---@param col integer in bytes
---@param encoding string
local function position(buffer, row, col, encoding)
  local line = vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or ''
  return { line = row, character = vim.str_utfindex(line, encoding, math.min(col, #line), false) }
end

--- An item as Neovim gets it. It reads the text of the one that it shows: that one is chosen now, if by our keys or by
--- its `select()`, which tells nobody.
---@param drawn indoors.Shown
---@param offer indoors.Offer
---@param number integer
---@param inserted string
---@param range table?
local function answered(drawn, offer, number, inserted, range)
  local fields = { range = range, command = offer.items[number].raw.command }
  return setmetatable(fields, {
    __index = function(_, field)
      if field ~= 'insertText' then return end
      offer.index = number
      if drawn.rest ~= inserted then
        drawn.rest = inserted
        vim.schedule(function() say_cut(drawn.buffer) end)
      end
      return inserted
    end,
  })
end

---@param drawn indoors.Shown
---@param offer indoors.Offer
function M.draw(drawn, offer)
  local client = vim.lsp.get_client_by_id(offer.client_id)
  if not client then return end
  local range
  -- With a range it covers what stands behind the cursor. Without one it draws at the cursor, which it takes from the
  -- first window of the buffer.
  if drawn.tail ~= '' or vim.fn.bufwinid(drawn.buffer) ~= vim.api.nvim_get_current_win() then
    range = {
      start = position(drawn.buffer, drawn.row, drawn.col, client.offset_encoding),
      ['end'] = position(drawn.buffer, drawn.row, drawn.col + #drawn.tail, client.offset_encoding),
    }
  end
  local items = {}
  for number, item in ipairs(offer.items) do
    local found = offers.fit(drawn.buffer, offer, item)
    if found and found.rest ~= '' then items[number] = answered(drawn, offer, number, found.rest, range) end
  end
  shown[drawn.buffer] = { drawn = drawn, offer = offer, items = items }
  if not tellers[drawn.buffer] and not nudged[drawn.buffer] then
    -- It asks at the next key. Where insert mode was entered before the server was there, none may come.
    nudged[drawn.buffer] = true
    vim.schedule(function() vim.api.nvim_exec_autocmds('CursorMovedI', { modeline = false }) end)
  end
  tell(drawn.buffer)
end

---@param buffer integer
function M.clear(buffer)
  if not shown[buffer] then return end
  shown[buffer] = nil
  tell(buffer)
end

---@type table<integer, fun(self: vim.lsp.Client, method: string, params: table, handler: function, buffer: integer)>
local requests = {}

--- Answer from here what Neovim's own part asks of our server.
---@param client vim.lsp.Client
function M.intercept(client)
  if not M.is_there() or requests[client.id] then return end
  local request = client.request
  requests[client.id] = request
  client.request = function(self, method, params, handler, buffer)
    if method ~= METHOD or not handler then return request(self, method, params, handler, buffer) end
    local asker = uris.buffer(params.textDocument.uri)
    if asker then
      tellers[asker] = { client = client, told = handler }
      tell(asker)
    end
    return true, nil
  end
end

--- Ask the server itself.
---@param client vim.lsp.Client
---@param params table
---@param handler lsp.Handler
---@param buffer integer
---@return boolean is_sent, integer? id
function M.ask(client, params, handler, buffer)
  return (requests[client.id] or client.request)(client, METHOD, params, handler, buffer)
end

--- The server of a client has ended.
---@param client vim.lsp.Client
function M.gone(client) requests[client.id] = nil end

---@param buffer integer
function M.forget(buffer)
  tellers[buffer], shown[buffer], nudged[buffer] = nil, nil, nil
end

return M
