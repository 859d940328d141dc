-- Why the last suggestion in a buffer is what it is: what the server kept of it, in a floating window.
--
-- It is about what was shown, also where the buffer has not been written. The command line tells more (the prompt, the
-- model's own text) and makes the suggestion anew, for the file on disk.

local awaited = require('indoors.awaited')
local meant = require('indoors.meant')

local M = {}

M.NAMESPACE = vim.api.nvim_create_namespace('indoors.explain')
local FOOTER = ' q close '
local LOST = 'it was not said'
local SOURCES = {
  model = 'written for this request',
  run = 'from what an earlier request had begun',
  cache = 'kept from an earlier request',
  none = 'the model was not asked',
}

---@param text string
---@param level integer?
local function say(text, level) vim.notify('Indoors: ' .. text, level or vim.log.levels.INFO) end

--- Rows with their columns below each other.
---@param rows string[][]
---@return string[]
local function aligned(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for number = 1, #row - 1 do
      widths[number] = math.max(widths[number] or 0, vim.fn.strdisplaywidth(row[number]))
    end
  end
  return vim.tbl_map(function(row)
    local line = '  '
    for number, cell in ipairs(row) do
      local missing = number < #row and widths[number] - vim.fn.strdisplaywidth(cell) + 2 or 0
      line = line .. cell .. (' '):rep(missing)
    end
    return (line:gsub('%s+$', ''))
  end, rows)
end

--- What the server said, as lines; the first says the whole in a few words.
---@param told { refusal: string, completion: table? }
---@return string[]
function M.lines(told)
  local completion = told.completion
  local lines = {}
  if (told.refusal or '') ~= '' then table.insert(lines, 'Not completed here: ' .. told.refusal) end
  if type(completion) ~= 'table' then
    if #lines == 0 then
      table.insert(lines, 'Nothing has been asked for in this buffer yet. Next: type, then ask again.')
    end
    return lines
  end
  local what = completion.shown and 'Suggested' or 'Nothing was suggested'
  local source = SOURCES[completion.source] or completion.source
  table.insert(lines, ('%s: %s, %.0f ms'):format(what, source, completion.totalMs))
  local function section(title, rows)
    if #rows == 0 then return end
    vim.list_extend(lines, { '', title })
    vim.list_extend(lines, aligned(rows))
  end
  section(
    'Steps',
    vim.tbl_map(function(one) return { one.name, one.decision, one.reason } end, completion.stages or {})
  )
  section(
    'Filters',
    vim.tbl_map(function(one) return { one.name, one.action, one.reason } end, completion.filters or {})
  )
  vim.list_extend(lines, { '', 'Made anew, with the prompt and the raw text: :Indoors explain terminal' })
  return lines
end

--- A window over the editor that has the focus and only shows.
---@param lines string[]
local function open(lines)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable, vim.bo[buffer].bufhidden = false, 'wipe'
  local widest = 0
  for _, line in ipairs(lines) do
    widest = math.max(widest, vim.fn.strdisplaywidth(line))
  end
  local width = math.max(20, math.min(widest + 1, math.floor(vim.o.columns * 0.9)))
  local rows = 0 -- long reasons are wrapped
  for _, line in ipairs(lines) do
    rows = rows + math.max(1, math.ceil(vim.fn.strdisplaywidth(line) / width))
  end
  local height = math.max(1, math.min(rows, vim.o.lines - 6))
  local window = vim.api.nvim_open_win(buffer, true, {
    relative = 'editor',
    style = 'minimal',
    border = 'rounded',
    width = width,
    height = height,
    row = math.max(0, math.floor((vim.o.lines - height) / 2) - 1),
    col = math.floor((vim.o.columns - width) / 2),
    title = ' Why this suggestion ',
    footer = FOOTER,
  })
  vim.wo[window].wrap, vim.wo[window].linebreak = true, true
  vim.bo[buffer].filetype = 'indoors'
  for number, line in ipairs(lines) do
    if number == 1 or line == 'Steps' or line == 'Filters' then
      vim.api.nvim_buf_set_extmark(buffer, M.NAMESPACE, number - 1, 0, { end_col = #line, hl_group = 'Title' })
    end
  end
  for _, key in ipairs({ 'q', '<Esc>' }) do
    vim.keymap.set('n', key, function() vim.api.nvim_win_close(window, true) end, {
      buffer = buffer,
      nowait = true,
      desc = 'Close',
    })
  end
end

--- Ask the server about a buffer, and show what it says.
---@param client vim.lsp.Client
---@param buffer integer
function M.show(client, buffer)
  local params = { command = 'indoors.explain', arguments = { vim.uri_from_bufnr(buffer) } }
  awaited.request(client, 'workspace/executeCommand', params, LOST, function(failure, told)
    if failure or type(told) ~= 'table' then
      return say(
        ('%s: %s. Next: :Indoors explain terminal'):format(LOST, failure and failure.message or 'no answer'),
        vim.log.levels.ERROR
      )
    end
    meant.when_free(function() open(M.lines(told)) end)
  end, buffer)
end

--- The same made anew by the command line, at the cursor, for the file on disk.
---@param terminal fun(arguments: string[])
function M.in_terminal(terminal)
  local path = vim.api.nvim_buf_get_name(0)
  if path == '' or vim.fn.filereadable(path) ~= 1 then return say('this buffer is no file. Next: :write NAME') end
  if vim.bo.modified then
    return say('the file on disk is explained, and this buffer has changes. Next: :write, or :Indoors explain')
  end
  local at = vim.api.nvim_win_get_cursor(0)
  local before = vim.api.nvim_get_current_line():sub(1, at[2])
  terminal({ 'complete', ('%s:%d:%d'):format(path, at[1], vim.fn.strchars(before) + 1), '--explain' })
end

return M
