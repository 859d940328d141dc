-- What is accepted, put into the buffer: at once, as a step of its own to undo.

local M = {}

--- Put the first `piece` of what is left of a suggestion at the cursor, and the cursor behind it.
---@param buffer integer
---@param found indoors.Fit
---@param piece string
---@param n_gone integer how many bytes behind the cursor it replaces
function M.piece(buffer, found, piece, n_gone)
  vim.cmd('let &g:undolevels = &g:undolevels') -- setting this option closes the block of undo
  local lines = vim.split(piece, '\n', { plain = true })
  vim.api.nvim_buf_set_text(buffer, found.row, found.col, found.row, found.col + n_gone, lines)
  local col = #lines == 1 and found.col + #piece or #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { found.row + #lines, col })
end

return M
