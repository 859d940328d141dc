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
local function draw_around(shown, first, offsets, column, virt_lines)
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
    if is_last and shown.hint ~= '' and #virt_lines == 0 then table.insert(chunks, { shown.hint, HINT }) end
    if ghost ~= '' or #chunks > 1 or (is_last and #virt_lines > 0) then
      vim.api.nvim_buf_set_extmark(shown.buffer, M.NAMESPACE, shown.row, shown.col + piece[1], {
        id = number,
        virt_text = chunks,
        virt_text_pos = 'inline',
        virt_lines = is_last and #virt_lines > 0 and virt_lines or nil,
        hl_mode = 'replace', -- combined, it would be bold behind a keyword that is
      })
    end
    local kept = is_last and '' or shown.tail:sub(piece[1] + 1, pieces[number + 1][1])
    column = column + vim.fn.strdisplaywidth(ghost .. kept, column)
  end
end

---@param shown indoors.Shown
function M.draw(shown)
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
  if #virt_lines > 0 and shown.hint ~= '' then table.insert(virt_lines[#virt_lines], { shown.hint, HINT }) end
  if around then return draw_around(shown, lines[1], fits.offsets, column, virt_lines) end
  -- What stands behind the cursor will stand on the last line: cover it here.
  local covered = shown.tail .. shown.after
  local first = text.drawn(lines[1], column)
  local missing = vim.fn.strdisplaywidth(covered, column) - vim.fn.strdisplaywidth(first, column)
  vim.api.nvim_buf_set_extmark(shown.buffer, M.NAMESPACE, shown.row, shown.col, {
    id = 1,
    virt_text = { { first .. (' '):rep(math.max(0, missing)), GHOST } },
    virt_text_pos = 'overlay',
    virt_lines = #virt_lines > 0 and virt_lines or nil,
    hl_mode = 'combine',
  })
end

return M
