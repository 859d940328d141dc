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

--- How many cells a row of the window has for text; without end where it does not wrap.
---@return number
local function row_width()
  if not vim.wo.wrap then return math.huge end
  local window = vim.fn.getwininfo(vim.api.nvim_get_current_win())[1]
  return math.max(1, window.width - window.textoff)
end

--- The screen column that a character itself begins in, from 0; what is drawn at it begins there, too.
---@param place string|integer[] as of virtcol()
---@param one string
---@return integer
local function column_of(place, one)
  local from, to = unpack(vim.fn.virtcol(place, true))
  -- The first counts hints before the character; the last what is empty up to a tab's end or, behind a blank with
  -- 'linebreak', to that of the row.
  if one == '\t' or (one == ' ' and vim.wo.linebreak) then return from - 1 end
  return to - math.max(1, vim.fn.strdisplaywidth(one))
end

---@param line string
---@param byte integer from 0
local function character(line, byte) return vim.fn.matchstr(line, '^.', byte) end

---@class indoors.Covered a screen row of what stands behind the cursor
---@field col integer the first byte in it
---@field from integer the cell that this is drawn in
---@field till integer the cell behind its last one
---@field n_before integer how many cells its first character takes of the row before: a tab, or a wide one's filler

--- What stands behind the cursor, by screen rows: an overlay ends at the window's edge.
---@param shown indoors.Shown
---@param column integer screen column of the cursor
---@param width number
---@return indoors.Covered[]
local function covered_rows(shown, column, width)
  local ends = vim.fn.virtcol('$') - 1 -- which counts hints in between
  if width == math.huge then return { { col = shown.col, from = column, till = ends, n_before = 0 } } end
  local line, number = vim.api.nvim_get_current_line(), shown.row + 1
  local first = math.floor(column / width)
  local till = math.min(width, ends - first * width)
  local rows = { { col = shown.col, from = column % width, till = till, n_before = 0 } }
  for row = first + 1, math.min(math.floor((ends - 1) / width), first + vim.o.lines) do
    local begins = row * width
    local col = vim.fn.virtcol2col(0, number, begins + 1) - 1
    local is_torn = vim.fn.virtcol2col(0, number, begins) - 1 == col
    if col == shown.col then -- a tab at the cursor that goes over the edge
      col, is_torn = col + 1, false
    end
    local one = character(line, col)
    local from = column_of({ number, col + 1 }, one)
    if one == '' or from >= begins + width then break end
    local n_before = one == '\t' and math.max(0, begins - from) or 0
    if is_torn and from == begins and vim.fn.strdisplaywidth(one) > 1 then n_before = 1 end
    rows[#rows].till = width
    table.insert(rows, {
      col = col,
      from = math.max(0, from - begins),
      till = math.min(width, ends - begins),
      n_before = n_before,
    })
  end
  return rows
end

--- Draw over what stands behind the cursor and will stand on the last line, and below it.
---@param shown indoors.Shown
---@param lines indoors.Chunk[][]
---@param column integer screen column of the cursor
---@param width number
---@param said string what is said behind the first line
---@param room integer? how many rows there are for drawn lines
---@return indoors.Row[] below
local function draw_over(shown, lines, column, width, said, room)
  local covered = covered_rows(shown, column, width)
  local function room_of(number) return width - (covered[number] and covered[number].from or 0) end
  local rows = text.rows(lines, room_of)
  if said ~= '' then
    local whole = vim.list_extend(vim.list_slice(lines[1]), { { said, HINT } })
    rows = text.rows(vim.list_extend({ whole }, lines, 2), room_of)
    local n_visible = #covered + (room or #rows)
    local ends = vim.iter(rows):filter(function(row) return row.line == 1 end):totable()
    if #ends > n_visible then -- in place of the end of what can be seen
      rows = text.rows(lines, room_of)
      local last, n_said = rows[n_visible], vim.fn.strdisplaywidth(said)
      local kept = text.rows({ last.chunks }, function() return math.max(1, room_of(n_visible) - n_said) end)[1]
      last.chunks, last.width = vim.list_extend(kept.chunks, { { said, HINT } }), kept.width + n_said
    end
  end
  local below = vim.list_slice(rows, #covered + 1)
  local virt_lines = vim.tbl_map(function(row) return row.chunks end, below)
  for number, one in ipairs(covered) do
    local row = rows[number] or { chunks = {}, width = 0 }
    local missing = one.till - one.from - row.width
    if missing > 0 then table.insert(row.chunks, { (' '):rep(missing) }) end
    vim.api.nvim_buf_set_extmark(shown.buffer, M.NAMESPACE, shown.row, one.col, {
      id = number,
      virt_text = row.chunks,
      virt_text_pos = 'overlay',
      virt_lines = number == 1 and #virt_lines > 0 and virt_lines or nil,
      virt_lines_overflow = 'scroll',
      hl_mode = 'combine',
    })
    if one.n_before > 0 then -- what is drawn over it stands where it begins: that has to be in this row
      vim.api.nvim_buf_set_extmark(shown.buffer, M.NAMESPACE, shown.row, one.col, {
        id = #covered + number,
        virt_text = { { (' '):rep(one.n_before) } },
        virt_text_pos = 'inline',
        priority = 1, -- before the other
      })
    end
  end
  return below
end

---@param shown indoors.Shown
---@param cut string what is said of lines that are out of sight
---@param room integer? how many rows there are for drawn lines
---@return indoors.Row[] below
local function paint(shown, cut, room)
  M.clear(shown.buffer)
  local lines = vim.split(shown.rest:gsub('\r', ''), '\n', { plain = true })
  local fits = text.align(shown.rest, shown.tail)
  local column = column_of('.', character(shown.tail .. shown.after, 0))
  local width = row_width()
  local around = fits ~= nil and fits.on_line and (#lines == 1 or shown.after == '')
  ---@type indoors.Chunk[][]
  local drawn = {}
  for number, line in ipairs(lines) do
    local whole = text.drawn(line, number == 1 and column or 0)
    local indent = number == 1 and '' or whole:match('^ *') -- which would be dotted, where the text is
    drawn[number] = { { indent }, { whole:sub(#indent + 1), GHOST } }
  end
  local last = drawn[#drawn]
  if not around and shown.after ~= '' then
    local before = vim.fn.strdisplaywidth(last[1][1] .. last[2][1])
    table.insert(last, { text.drawn(shown.after, before), 'Normal' })
  end
  local said = ''
  if #lines == 1 or cut ~= '' then
    said = shown.hint .. cut
  elseif shown.hint ~= '' then
    table.insert(last, { shown.hint, HINT })
  end
  if not around then return draw_over(shown, drawn, column, width, said, room) end
  local below = text.rows(vim.list_slice(drawn, 2), function() return width end)
  local virt_lines = {}
  for number, row in ipairs(below) do
    row.line = row.line + 1
    virt_lines[number] = row.chunks
  end
  draw_around(shown, lines[1], fits.offsets, column, virt_lines, said)
  return below
end

--- What is to be said of drawn lines that the window has no room for: Neovim does not scroll for them, and nor do we,
--- because what somebody reads stays where it is.
---@param shown indoors.Shown
---@param below indoors.Row[]
---@return string said, integer room
local function cut_off(shown, below)
  if #below == 0 then return '', 0 end
  local top = vim.fn.line('w0') - 1 -- which makes the window scroll, if it is about to
  local view = vim.fn.winsaveview()
  local above = { start_row = top, start_vcol = view.skipcol, end_row = shown.row }
  local room = vim.fn.winheight(0) - view.topfill - vim.api.nvim_win_text_height(0, above).all
  room = math.max(0, room)
  if #below <= room then return '', room end
  local n_cut = below[#below].line - below[room + 1].line + 1
  return (' +%d %s'):format(n_cut, n_cut == 1 and 'line' or 'lines'), room
end

---@param shown indoors.Shown
function M.draw(shown)
  local cut, room = cut_off(shown, paint(shown, ''))
  if cut ~= '' then paint(shown, cut, room) end
end

--- Say the same behind what Neovim has drawn.
---@param shown indoors.Shown
function M.draw_cut(shown)
  M.clear(shown.buffer)
  local below = {}
  for number = 2, select(2, shown.rest:gsub('\n', '')) + 1 do
    table.insert(below, { line = number })
  end
  local cut = cut_off(shown, below)
  if cut == '' then return end
  vim.api.nvim_buf_set_extmark(shown.buffer, M.NAMESPACE, shown.row, 0, { virt_text = { { vim.trim(cut), HINT } } })
end

return M
