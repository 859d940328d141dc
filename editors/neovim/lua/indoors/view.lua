-- Ghost text as extmarks: virtual text around what stands behind the cursor, virtual lines below it.
--
-- One mark per piece, all in one namespace, replaced as a whole: between two redraws there is no moment without. They
-- are numbered from 1, so a piece has the same mark while one types along it. (They are taken away first, because the
-- screen column of the cursor counts what is drawn before it.)

local text = require('indoors.text')

local M = {}

M.NAMESPACE = vim.api.nvim_create_namespace('indoors.ghost')
local GHOST, HINT = 'IndoorsGhost', 'IndoorsHint'

---@class indoors.Shown what is to be drawn
---@field buffer integer
---@field row integer of the cursor, from 0
---@field col integer of the cursor, in bytes
---@field rest string what is left of the suggestion
---@field tail string the buffer's text behind the cursor that the suggestion replaces
---@field after string the buffer's text behind `tail`
---@field hint string which of several this is, else ''

---@param buffer integer
function M.clear(buffer)
  if vim.api.nvim_buf_is_valid(buffer) then vim.api.nvim_buf_clear_namespace(buffer, M.NAMESPACE, 0, -1) end
end

--- Draw the pieces between the characters of `tail`, which stay where they are.
---@param shown indoors.Shown
---@param first string
---@param offsets integer[]
---@param column integer screen column of the cursor
---@param virt_lines table
---@param said string what is said behind the first line
local function draw_around(shown, first, offsets, column, virt_lines, said)
  local from, at = 0, 0
  local pieces = {}
  for number, one in ipairs(vim.fn.split(shown.tail, '\\zs')) do
    pieces[#pieces + 1] = { at, first:sub(from + 1, offsets[number]) }
    from, at = offsets[number] + #one, at + #one
  end
  pieces[#pieces + 1] = { at, first:sub(from + 1) }
  for number, piece in ipairs(pieces) do
    local is_last = number == #pieces
    local ghost = text.drawn(piece[2], column)
    local chunks = { { ghost, GHOST } }
    if is_last and said ~= '' then table.insert(chunks, { said, HINT }) end
    if ghost ~= '' or #chunks > 1 or (is_last and #virt_lines > 0) then
      vim.api.nvim_buf_set_extmark(shown.buffer, M.NAMESPACE, shown.row, shown.col + piece[1], {
        id = number,
        virt_text = chunks,
        virt_text_pos = 'inline',
        virt_lines = is_last and #virt_lines > 0 and virt_lines or nil,
        virt_lines_overflow = 'scroll', -- sideways with the text
        hl_mode = 'replace', -- combined, it would be bold behind a keyword that is
      })
    end
    local kept = is_last and '' or shown.tail:sub(piece[1] + 1, pieces[number + 1][1])
    column = column + vim.fn.strdisplaywidth(ghost .. kept, column)
  end
end

---@param shown indoors.Shown
---@param cut string what is said of lines that are out of sight
local function paint(shown, cut)
  M.clear(shown.buffer)
  local lines = vim.split(shown.rest:gsub('\r', ''), '\n', { plain = true })
  local fits = text.align(shown.rest, shown.tail)
  local column = vim.fn.virtcol('.') - 1
  local around = fits ~= nil and fits.on_line and (#lines == 1 or shown.after == '')
  local virt_lines = {}
  for number = 2, #lines do
    table.insert(virt_lines, { { text.drawn(lines[number], 0), GHOST } })
  end
  if #lines > 1 and not around and shown.after ~= '' then
    table.insert(virt_lines[#virt_lines], { text.drawn(shown.after, 0), 'Normal' })
  end
  local said = ''
  if #virt_lines == 0 or cut ~= '' then
    said = shown.hint .. cut
  elseif shown.hint ~= '' then
    table.insert(virt_lines[#virt_lines], { shown.hint, HINT })
  end
  if around then return draw_around(shown, lines[1], fits.offsets, column, virt_lines, said) end
  -- What stands behind the cursor will stand on the last line: cover it here.
  local covered = shown.tail .. shown.after
  local first = text.drawn(lines[1], column)
  local missing = vim.fn.strdisplaywidth(covered, column) - vim.fn.strdisplaywidth(first, column)
  vim.api.nvim_buf_set_extmark(shown.buffer, M.NAMESPACE, shown.row, shown.col, {
    id = 1,
    virt_text = { { first .. (' '):rep(math.max(0, missing)), GHOST }, { said, HINT } },
    virt_text_pos = 'overlay',
    virt_lines = #virt_lines > 0 and virt_lines or nil,
    virt_lines_overflow = 'scroll',
    hl_mode = 'combine',
  })
end

--- What is to be said of drawn lines that the window has no room for: Neovim does not scroll for them, and nor do we,
--- because what somebody reads stays where it is.
---@param shown indoors.Shown
---@return string
local function cut_off(shown)
  local _, n_below = shown.rest:gsub('\n', '')
  if n_below == 0 then return '' end
  local top = vim.fn.line('w0') - 1 -- which makes the window scroll, if it is about to
  local view = vim.fn.winsaveview()
  local above = { start_row = top, start_vcol = view.skipcol, end_row = shown.row }
  local room = vim.fn.winheight(0) - view.topfill - vim.api.nvim_win_text_height(0, above).all
  local n_cut = math.min(n_below, n_below - room)
  return n_cut > 0 and (' +%d %s'):format(n_cut, n_cut == 1 and 'line' or 'lines') or ''
end

---@param shown indoors.Shown
function M.draw(shown)
  paint(shown, '')
  local cut = cut_off(shown)
  if cut ~= '' then paint(shown, cut) end
end

--- Say the same behind what Neovim has drawn.
---@param shown indoors.Shown
function M.draw_cut(shown)
  M.clear(shown.buffer)
  local cut = cut_off(shown)
  if cut == '' then return end
  vim.api.nvim_buf_set_extmark(shown.buffer, M.NAMESPACE, shown.row, 0, { virt_text = { { vim.trim(cut), HINT } } })
end

return M
