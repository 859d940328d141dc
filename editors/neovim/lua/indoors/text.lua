-- Pure questions about the text of a suggestion: what is left of it, how it fits around what follows the cursor,
-- and what one word or one line of it is. Everything is in bytes, cut at character boundaries.

local M = {}

--- What is left of `text` once `typed` was typed; nil if something else was typed.
---@param text string
---@param typed string
---@return string?
function M.rest(text, typed)
  if vim.startswith(text, typed) then return text:sub(#typed + 1) end
end

--- Split into characters, with the byte offset of each.
---@param text string
---@return { [1]: integer, [2]: string }[]
local function characters(text)
  local found = {}
  local at = 0
  for _, one in ipairs(vim.fn.split(text, '\\zs')) do
    table.insert(found, { at, one })
    at = at + #one
  end
  return found
end

--- Where each character of `tail` reappears in `rest`, as byte offsets; nil if it does not, in order. The last
--- occurrences are taken: what an editor closed automatically ends the expression.
---@param rest string
---@param tail string
---@return integer[]?
local function in_order(rest, tail)
  local wanted, offsets = characters(tail), {}
  local from = characters(rest)
  local at = #from
  for number = #wanted, 1, -1 do
    while at > 0 and from[at][2] ~= wanted[number][2] do
      at = at - 1
    end
    if at == 0 then return nil end
    table.insert(offsets, 1, from[at][1])
    at = at - 1
  end
  return offsets
end

--- How `rest` replaces `tail`, the text behind the cursor that the suggestion takes in. `on_line` says whether all
--- of `tail` reappears on the first line, so that it can stay where it is on the screen.
---@param rest string
---@param tail string
---@return { offsets: integer[], on_line: boolean }?
function M.align(rest, tail)
  if tail == '' then return { offsets = {}, on_line = true } end
  local first = rest:match('^[^\n]*')
  local offsets = in_order(first, tail)
  if offsets then return { offsets = offsets, on_line = true } end
  offsets = in_order(rest, tail)
  return offsets and { offsets = offsets, on_line = false } or nil
end

--- The first word of a text, with the blanks (and line ends) before it: a run of keyword characters or of others.
---@param rest string
---@return string
function M.word(rest) return vim.fn.matchstr(rest, [[^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)\?]]) end

--- The first line of a text without its end; the line after it where nothing is left of the first.
---@param rest string
---@return string
function M.line(rest) return rest:match('^\n?[^\n]*') end

--- Whether a text is nothing but what editors close automatically.
---@param text string
---@return boolean
function M.is_closing(text) return text:match('^[%)%]}>"\'`]*$') ~= nil end

--- Length in UTF-16 units.
---@param text string
---@return integer
function M.utf16(text) return vim.str_utfindex(text, 'utf-16', #text, false) end

--- A line as it is drawn: tabs as blanks up to the next stop, counted from the screen column it begins at.
---@param line string
---@param column integer
---@return string
function M.drawn(line, column)
  local shown, at = {}, column
  for _, one in ipairs(vim.fn.split(line, '\\zs')) do
    local width = vim.fn.strdisplaywidth(one, at)
    table.insert(shown, one == '\t' and (' '):rep(width) or one)
    at = at + width
  end
  return table.concat(shown)
end

---@alias indoors.Chunk { [1]: string, [2]: string? } a text and its highlight

---@class indoors.Row a row of the screen
---@field chunks indoors.Chunk[]
---@field width integer in cells
---@field line integer the number of the line that it is of

--- Lines as rows of the screen: each line begins a row, and what does not fit one goes on in the next.
---@param lines indoors.Chunk[][]
---@param room_of fun(number: integer): number how many cells a row has
---@return indoors.Row[]
function M.rows(lines, room_of)
  local rows = {} ---@type indoors.Row[]
  for number, chunks in ipairs(lines) do
    local row, room
    local function begin()
      row, room = { chunks = {}, width = 0, line = number }, room_of(#rows + 1)
      table.insert(rows, row)
    end
    local function add(part, chunk, width)
      if part ~= '' then table.insert(row.chunks, { part, chunk[2] }) end
      row.width = row.width + width
    end
    begin()
    for _, chunk in ipairs(chunks) do
      local whole = vim.fn.strdisplaywidth(chunk[1])
      if row.width + whole <= room then
        add(chunk[1], chunk, whole)
      else
        local part, width = '', 0
        for _, one in ipairs(vim.fn.split(chunk[1], '\\zs')) do
          local more = vim.fn.strdisplaywidth(one)
          -- In a row that is empty, but for the first, there is as much room as there will ever be.
          if row.width + width + more > room and (row.width + width > 0 or #rows == 1) then
            add(part, chunk, width)
            begin()
            part, width = '', 0
          end
          part, width = part .. one, width + more
        end
        add(part, chunk, width)
      end
    end
  end
  return rows
end

return M
