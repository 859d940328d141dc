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

return M
