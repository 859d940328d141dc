-- An answer of the server as something that stands in a buffer, and whether it still stands there.
--
-- An offer replaces a part of the line that it was asked for on: from (`row`, `col`) up to what `after` holds. It is
-- found again by what stands around it, so it survives what is typed along it, over lines too, and what an editor
-- closes automatically behind the cursor; anything else ends it.

local text = require('indoors.text')

local M = {}

---@class indoors.Item one suggestion: `text` replaces from `col` on its row up to `after`
---@field text string
---@field raw table as the server sent it

---@class indoors.Offer what an answer offered
---@field client_id integer
---@field kind integer
---@field items indoors.Item[]
---@field index integer
---@field row integer where the replaced range begins
---@field col integer
---@field before string the line up to there
---@field after string the line behind the range
---@field n_lines integer of the buffer at `row`
---@field last_row integer how far down it was typed along
---@field is_foreign boolean somebody changed other lines
---@field is_dismissed boolean

---@return integer row, integer col
function M.cursor()
  local at = vim.api.nvim_win_get_cursor(0)
  return at[1] - 1, at[2]
end

---@param buffer integer
---@param row integer
---@return string
local function line_of(buffer, row) return vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1] or '' end

---@class indoors.Fit where an offer stands now
---@field rest string
---@field tail string
---@field typed string
---@field row integer
---@field col integer

--- Where the chosen item of an offer stands at the cursor; nil if it does not any more.
---@param buffer integer
---@param offer indoors.Offer
---@param item indoors.Item?
---@return indoors.Fit?
function M.fit(buffer, offer, item)
  item = item or offer.items[offer.index]
  local row, col = M.cursor()
  if offer.is_foreign or row < offer.row or (row == offer.row and col < offer.col) then return end
  if vim.api.nvim_buf_line_count(buffer) ~= offer.n_lines + row - offer.row then return end
  if line_of(buffer, offer.row):sub(1, offer.col) ~= offer.before then return end
  local typed = table.concat(vim.api.nvim_buf_get_text(buffer, offer.row, offer.col, row, col, {}), '\n')
  local rest = text.rest(item.text, typed)
  local behind = line_of(buffer, row):sub(col + 1)
  if not rest or not vim.endswith(behind, offer.after) then return end
  local tail = behind:sub(1, #behind - #offer.after)
  if not text.align(rest, tail) then return end
  return { rest = rest, tail = tail, typed = typed, row = row, col = col }
end

--- The items of an answer that can be shown where the cursor is, as an offer.
---@param buffer integer
---@param client vim.lsp.Client
---@param result table?
---@param kind integer
---@return indoors.Offer?
function M.read(buffer, client, result, kind)
  local row, col = M.cursor()
  local line = line_of(buffer, row)
  local is_unix = vim.bo[buffer].fileformat == 'unix'
  local offer
  for _, raw in ipairs(result and (result.items or result) or {}) do
    local from, to = col, col
    if raw.range then
      if raw.range.start.line ~= row or raw.range['end'].line ~= row then goto next end
      from = vim.str_byteindex(line, client.offset_encoding, raw.range.start.character, false)
      to = vim.str_byteindex(line, client.offset_encoding, raw.range['end'].character, false)
    end
    if from > col or to < col or type(raw.insertText) ~= 'string' then goto next end
    -- Neovim keeps the line ends of a file beside its lines.
    local inserted = is_unix and raw.insertText or raw.insertText:gsub('\r\n', '\n')
    offer = offer
      or {
        client_id = client.id,
        kind = kind,
        items = {},
        index = 1,
        row = row,
        col = from,
        before = line:sub(1, from),
        after = line:sub(to + 1),
        n_lines = vim.api.nvim_buf_line_count(buffer),
        last_row = row,
        is_foreign = false,
        is_dismissed = false,
      }
    local item = { text = inserted, raw = raw }
    local found = M.fit(buffer, offer, item)
    if from == offer.col and line:sub(to + 1) == offer.after and found and found.rest ~= '' then
      table.insert(offer.items, item)
    end
    ::next::
  end
  return offer and #offer.items > 0 and offer or nil
end

--- Lines of the buffer have changed: `first` to `last` (not among them) are now `first` to `new_last`.
---@param offer indoors.Offer
---@param first integer
---@param last integer
---@param new_last integer
function M.lines_changed(offer, first, last, new_last)
  if first < offer.row or last > offer.last_row + 1 then
    offer.is_foreign = true
  else
    offer.last_row = offer.last_row + new_last - last
  end
end

--- The length of a beginning of the chosen item as the server sent it, in UTF-16 units.
---@param offer indoors.Offer
---@param beginning string
---@return integer
function M.length(offer, beginning)
  local item = offer.items[offer.index]
  local length, n_ends = text.utf16(beginning), 0
  if item.text == item.raw.insertText then return length end
  -- Of some line ends two characters were sent, and the buffer has one.
  local _, n_wanted = beginning:gsub('\n', '')
  for one in item.raw.insertText:gmatch('\r?\n') do
    if n_ends == n_wanted then break end
    n_ends, length = n_ends + 1, length + #one - 1
  end
  return length
end

--- What names the chosen item towards the server.
---@param offer indoors.Offer
---@return string
function M.identity(offer)
  local command = offer.items[offer.index].raw.command
  return command and command.arguments and tostring(command.arguments[1]) or ''
end

return M
